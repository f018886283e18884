//! Short measurements on this machine.

use crate::error::Error;
use crate::release::{PrivateWeights, Rehearsal};
use crate::run::Run;
use rescind_curvature::LinearOperator;
use rescind_data::Selection;
use rescind_privacy::NoiseScale;
use rescind_privacy::noise::NoiseSource;
use rescind_unlearn::methods::Speed;
use rescind_unlearn::training::TrainingState;
use rescind_unlearn::{
    Curvature, EvaluationSet, L2Penalty, Observer, Watched, minibatches, widened,
};
use std::io::Write;
use std::time::Instant;

/// Records that a probe of the curvature is over.
const PROBED: usize = 1000;

/// Steps and products that are timed.
const TIMES: u32 = 3;

pub(super) fn speed(
    run: &Run,
    state: &TrainingState,
    retained: &Selection,
) -> Result<Speed, Error> {
    let w = &state.weights.parameters;
    let first = |count: usize| {
        let positions = retained.positions();
        let some = positions[..count.min(positions.len())].to_vec();
        Selection::new(run.model().records(), some)
    };
    let batch = run.settings().training.batch;
    let minibatch = first(batch)?;
    let mut gradients = minibatches(run.model(), &L2Penalty::default())?;
    let (mut gradient, mut running) = (vec![0.0; w.len()], state.weights.statistics.clone());
    let mut noised = widened(w);
    let mut source = NoiseSource::from_operating_system()?;
    let mut step = || -> Result<(), Error> {
        gradients.gradient(w, minibatch.positions(), &mut gradient, &mut running, 0.1)?;
        Ok(())
    };
    let step = timed(&mut step)?;
    let mut noise = || -> Result<(), Error> {
        source.add_gaussian_unrounded(NoiseScale::new(1e-3)?, &mut noised)?;
        Ok(())
    };
    let noisy_step = step + timed(&mut noise)?;

    let probed = first(PROBED)?;
    let product = match run.model().curvature() {
        None => None,
        Some(_) => {
            let objective = run.objective(&probed, &state.weights.statistics)?;
            let curvature = Watched::new(objective.curvature(w, Curvature::GaussNewton)?);
            let mut out = vec![0.0; w.len()];
            let mut product = || {
                curvature.apply(w, &mut out);
                curvature.outcome(Ok::<(), Error>(()).map_err(rescind_unlearn::Error::from))?;
                Ok(())
            };
            Some(timed(&mut product)? / probed.len() as f64)
        }
    };

    let steps = retained.len().div_ceil(batch) as f64;
    let (epoch, epoch_from) = match state.progress.history.last() {
        // What was trained on then may have been more than would stay now.
        Some(last) if last.seconds > 0.0 => {
            let share = retained.len() as f64 / run.split().train.len() as f64;
            let epoch = share * last.seconds / last.epoch as f64;
            (epoch, "the run's own training took")
        }
        _ => (steps * step, "a few minibatches took"),
    };
    Ok(Speed {
        epoch,
        epoch_from,
        steps: BESIDE_GRADIENT * steps * step,
        noisy_step,
        product,
    })
}

/// Waits for the disk that a request takes one after another: state, journals and databases of its
/// ledger.
const WAITS: f64 = 11.0;
/// Seconds of one where it cannot be tried.
const WAIT: f64 = 1e-3;

/// What an optimiser and the order of records add to the gradient of a minibatch.
const BESIDE_GRADIENT: f64 = 1.4;

/// Seconds until the disk has what a request leaves on it, tried with files without a name.
pub(super) fn disk(run: &Run) -> f64 {
    let tried = || -> std::io::Result<f64> {
        let folder = run.root().join("private");
        // A new one each time, as journals are: its place in the file system is written, too.
        let write = || {
            let mut file = tempfile::tempfile_in(&folder)?;
            file.write_all(&[0; 4096])?;
            file.sync_all()
        };
        write()?;
        let began = Instant::now();
        for _ in 0..TIMES {
            write()?;
        }
        Ok(began.elapsed().as_secs_f64() / f64::from(TIMES))
    };
    WAITS * tried().unwrap_or(WAIT)
}

/// Seconds of one call, after one to warm up.
fn timed(work: &mut dyn FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    work()?;
    let began = Instant::now();
    for _ in 0..TIMES {
        work()?;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(TIMES))
}

/// Test accuracy of the private weights, or of a noised copy in memory that nobody sees; NaN where
/// the model does not tell.
pub(super) fn accuracy_with_noise(
    run: &Run,
    state: &TrainingState,
    retained: &Selection,
    sigma: Option<NoiseScale>,
    observer: &mut dyn Observer,
) -> Result<f64, Error> {
    let weights = &state.weights;
    let (mut w, mut statistics) = (weights.parameters.clone(), weights.statistics.clone());
    if let Some(sigma) = sigma {
        let private = PrivateWeights::new(w);
        let largest = run.ball().largest_coordinate();
        let rehearsal = Rehearsal::new((run.model().description(), private), sigma, largest);
        w = rehearsal.draw(&mut NoiseSource::from_operating_system()?)?;
        statistics = run.statistics_on(retained, &w)?;
    }
    let measured = run
        .model()
        .measure(&w, &statistics, EvaluationSet::Test, observer);
    let measured = measured.map_err(rescind_unlearn::Error::from)?;
    Ok(measured.map_or(f64::NAN, |measured| measured.share_right()))
}
