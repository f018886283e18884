//! What privacy costs in accuracy, and what forgetting costs in time.

use super::ReportError;
use super::sources::Sources;
use crate::report::chart::{Axis, Chart, Mark, Place, Reference, Scale, Series};
use crate::report::page::{Block, Figure, Section, Table};
use crate::report::words::{above, number, percent, seconds};
use rescind::ledger::ReleaseEntry;
use rescind::release::{PrivateWeights, Rehearsal};
use rescind::{Error, Evaluation, EvaluationSet, Observer, PrivateModel, Run, Sets};
use rescind_privacy::noise::NoiseSource;
use rescind_privacy::{Delta, NoiseScale, Sensitivity, analytic};

/// Levels of noise tried.
const LEVELS: i32 = 11;
/// Releases measured at most, the newest.
const MOST: usize = 12;
/// δ where no release gives one.
const DELTA: f64 = 1e-5;

pub(super) fn section(
    sources: &Sources<'_>,
    observer: &mut dyn Observer,
) -> Result<Section, ReportError> {
    let title = "Privacy, accuracy and time";
    let Some(evaluation) = &sources.evaluation else {
        return Ok(Section::new(title, Vec::new()));
    };
    let (bound, delta) = match &sources.certificate {
        Some(certificate) => {
            let failure = certificate
                .binding()
                .map_or(0.0, |bound| bound.failure_probability);
            (
                Sensitivity::new(certificate.sensitivity())?,
                certificate.guarantee.delta.less_failure(failure)?,
            )
        }
        None => (
            Sensitivity::new(2.0 * sources.run.ball().radius())?,
            Delta::new(DELTA)?,
        ),
    };
    let tried = match classified(&evaluation.current) {
        true => tried(sources.run, bound, delta)?,
        false => Vec::new(),
    };
    let released = released(sources, observer)?;
    let mut blocks = vec![chart(&tried, &released, evaluation, delta)];
    blocks.extend(table(&released, evaluation).map(Block::Table));
    blocks.push(Block::text(format!(
        "The line tries noise on today's private weights, in memory: sigma from a thousandth of to \
         ten times the weights' root mean square, and the epsilon that it gives at delta = {} with \
         the bound {} on the distance from retraining ({}). It shows what another choice of \
         sigma would have cost; one draw of noise for each.",
        above(delta.value()),
        number(bound.value()),
        match &sources.certificate {
            Some(certificate) => certificate.guarantee.binding.to_string(),
            None => "the ball's diameter, which always holds".to_owned(),
        }
    )));
    Ok(Section::new(title, blocks))
}

/// Whether there is an accuracy on test records.
fn classified(sets: &Sets) -> bool {
    sets.test.records > 0 && sets.test.accuracy.is_some()
}

/// `(ε, test accuracy)` at every level of noise.
fn tried(run: &Run, bound: Sensitivity, delta: Delta) -> Result<Vec<(f64, f64)>, ReportError> {
    let mut points = Vec::new();
    let Some(weights) = run.private_model(PrivateModel::Current)? else {
        return Ok(points);
    };
    let parameters = weights.parameters;
    if parameters.is_empty() {
        return Ok(points);
    }
    let size = rescind_curvature::norm(&parameters) / (parameters.len() as f64).sqrt();
    let largest = run.ball().largest_coordinate();
    let mut source = NoiseSource::from_operating_system()?;
    let mut rehearsal: Option<Rehearsal> = None;
    let mut weights = Some(PrivateWeights::new(parameters));
    for level in 0..LEVELS {
        let share = 10_f64.powf(-3.0 + 4.0 * f64::from(level) / f64::from(LEVELS - 1));
        // Weights of size 0 bear no noise at all.
        let Ok(sigma) = NoiseScale::new(share * size) else {
            return Ok(points);
        };
        let noised = match (rehearsal.take(), weights.take()) {
            (Some(before), _) => before.with_sigma(sigma),
            (None, Some(weights)) => {
                Rehearsal::new((run.model().description(), weights), sigma, largest)
            }
            (None, None) => return Ok(points),
        };
        let measured = run.measure_as_released(&noised.draw(&mut source)?, None)?;
        rehearsal = Some(noised);
        points.push((
            analytic::epsilon(delta, bound, sigma)?.value(),
            100.0 * measured.share_right(),
        ));
    }
    Ok(points)
}

/// A release as anybody can measure it.
struct Measured {
    number: u64,
    epsilon: f64,
    sigma: f64,
    accuracy: Option<f64>,
    seconds: Option<f64>,
}

fn released(
    sources: &Sources<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<Measured>, ReportError> {
    let Some(history) = &sources.history else {
        return Ok(Vec::new());
    };
    let releases: Vec<&ReleaseEntry> = history.releases().collect();
    let newest = &releases[releases.len().saturating_sub(MOST)..];
    let mut measured = Vec::new();
    for release in newest {
        let request = sources.answers.iter().find(|r| r.number == release.number);
        measured.push(Measured {
            number: release.number,
            epsilon: release.epsilon.value(),
            sigma: release.spent.sigma().value(),
            accuracy: accuracy(sources.run, release.number, observer)?,
            seconds: request.map(|request| request.seconds),
        });
    }
    Ok(measured)
}

/// Test accuracy in per cent, from the released file; nothing without the file or test records.
fn accuracy(
    run: &Run,
    release: u64,
    observer: &mut dyn Observer,
) -> Result<Option<f64>, ReportError> {
    let weights = match run.released(release) {
        Err(Error::Io(_)) => return Ok(None),
        read => read?,
    };
    let (w, statistics) = (&weights.parameters, &weights.statistics);
    let measured = run
        .model()
        .measure(w, statistics, EvaluationSet::Test, observer);
    let measured = measured.map_err(rescind::ModelError::from)?;
    let measured = measured.filter(|measured| measured.records > 0);
    Ok(measured
        .and_then(|measured| measured.accuracy)
        .map(|share| 100.0 * share))
}

fn chart(
    tried: &[(f64, f64)],
    released: &[Measured],
    evaluation: &Evaluation,
    delta: Delta,
) -> Block {
    let mut series = vec![Series::new("noise tried", tried.to_vec(), Mark::Line)];
    let points: Vec<(f64, f64)> = released
        .iter()
        .filter_map(|release| release.accuracy.map(|accuracy| (release.epsilon, accuracy)))
        .collect();
    if !points.is_empty() {
        series.push(Series::new("releases", points, Mark::Points));
    }
    let mut references = Vec::new();
    let mut compare = |name: String, sets: Option<&Sets>| {
        if let Some(sets) = sets.filter(|sets| classified(sets)) {
            let place = Place::Y(100.0 * sets.test.share_right());
            references.push(Reference { name, place });
        }
    };
    let retrained = match evaluation.retraining_seconds {
        Some(time) => format!("retrained, {}", seconds(time)),
        None => "retrained".to_owned(),
    };
    compare(retrained, evaluation.retrained.as_ref());
    let unlearned = match evaluation.request_seconds.last() {
        Some(time) => format!("unlearned without noise, {}", seconds(*time)),
        None => "as trained".to_owned(),
    };
    compare(unlearned, Some(&evaluation.current));
    let chart = Chart {
        x: Axis::new(
            &format!(
                "epsilon at delta = {} (less is more private)",
                above(delta.value())
            ),
            Scale::Log,
        ),
        y: Axis::new("accuracy on test records (%)", Scale::Linear),
        series,
        references,
    };
    Figure::block(
        "trade-off",
        "Accuracy against epsilon",
        "The best place is top left: high accuracy at a small epsilon. Retraining has an epsilon of \
         0 and costs the time stated.",
        chart,
    )
}

fn table(released: &[Measured], evaluation: &Evaluation) -> Option<Table> {
    if released.is_empty() {
        return None;
    }
    let none = || "\u{2013}".to_owned();
    let whole = evaluation.retraining_seconds;
    let rows = released.iter().map(|release| {
        let share = release.seconds.zip(whole);
        vec![
            release.number.to_string(),
            above(release.epsilon),
            number(release.sigma),
            release
                .accuracy
                .map_or_else(none, |accuracy| percent(accuracy / 100.0)),
            release.seconds.map_or_else(none, seconds),
            share.map_or_else(none, |(time, whole)| percent(time / whole)),
        ]
    });
    let head = [
        "release",
        "epsilon",
        "sigma",
        "test accuracy",
        "time of its request",
        "share of retraining",
    ];
    let caption = "The releases: what each promised on its own, and what it cost.";
    Some(Table::new(caption, &head, rows.collect()))
}
