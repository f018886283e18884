//! Whether attacks still find the forgotten records in the models of a run.

use super::ReportError;
use super::sources::Sources;
use crate::attack::{
    Attack, AttackError, AttackSettings, Features, Observed, membership, strongest,
};
use crate::fidelity::Outputs;
use crate::report::page::{Block, Table};
use crate::report::roc;
use crate::report::words::{count, named, number, percent};
use rescind::PrivateModel;
use rescind::{Error, Observer, Phase, Progress, Run};
use rescind_data::Selection;

/// The model as it stands, and the one before: together they make the pair.
const UNLEARNED: &str = "unlearned (private)";
const ORIGINAL: &str = "original";

pub(super) fn blocks(
    sources: &Sources<'_>,
    settings: &AttackSettings,
    observer: &mut dyn Observer,
) -> Result<Vec<Block>, ReportError> {
    let run = sources.run;
    let none = |text: &str| Ok(vec![Block::text(text)]);
    if run.state().is_none() {
        return none("There are no weights to attack yet.");
    }
    let train = &run.split().train;
    let forgotten = train.difference(run.retained()).map_err(Error::from)?;
    if forgotten.is_empty() {
        return none("Nothing was forgotten yet, so there is no record for an attack to look for.");
    }
    if run.config().is_none() {
        return none(
            "The attacks look at a network's outputs, and this model computes outside Rescind: \
             none was made.",
        );
    }
    let models = outputs(run, &forgotten, observer)?;
    let found = match attacks(&models, settings, observer) {
        Ok(found) => found,
        Err(few @ AttackError::TooFew { .. }) => return none(&format!("No attack: {few}.")),
        Err(other) => return Err(other.into()),
    };
    if found.is_empty() {
        return none("No attack was among those asked for.");
    }
    let curves = found.iter();
    let curves = curves.map(|(name, attack)| (name.clone(), attack.points().collect()));
    let figure = roc::figure(curves.collect(), &caption(&found));
    Ok(vec![
        Block::text(text(sources, &models)),
        figure,
        Block::Table(table(&found, settings)),
    ])
}

/// What a model says of forgotten and of unseen records.
struct Answers {
    name: &'static str,
    forgotten: Outputs,
    unseen: Outputs,
}

fn outputs(
    run: &Run,
    forgotten: &Selection,
    observer: &mut dyn Observer,
) -> Result<Vec<Answers>, Error> {
    let models = [
        (ORIGINAL, run.private_model(PrivateModel::Original)?),
        (UNLEARNED, run.private_model(PrivateModel::Current)?),
        ("released", run.released_as_scaled()?),
        ("retrained", run.private_model(PrivateModel::Retrained)?),
    ];
    let (train, test) = (
        run.classifier()?.train_records()?,
        run.classifier()?.test_records()?,
    );
    let unseen = Selection::all(test.len());
    let mut answers = Vec::new();
    for (name, weights) in models {
        let Some(weights) = weights else { continue };
        let (model, w) = (run.network_model(weights.statistics)?, &weights.parameters);
        answers.push(Answers {
            name,
            forgotten: Outputs::of(&model, w, train, forgotten)?,
            unseen: Outputs::of(&model, w, test, &unseen)?,
        });
        report(observer, answers.len())?;
    }
    Ok(answers)
}

/// The best attack on each model, and on the pair.
fn attacks(
    models: &[Answers],
    settings: &AttackSettings,
    observer: &mut dyn Observer,
) -> Result<Vec<(String, Attack)>, AttackError> {
    let best = |before: &Answers, after: &Answers, of_pair: bool| {
        let mut settings = settings.clone();
        let wanted = |features: &Features| features.of_pair() == of_pair;
        settings.features.retain(wanted);
        let observed = Observed {
            original_forgotten: &before.forgotten,
            original_unseen: &before.unseen,
            unlearned_forgotten: &after.forgotten,
            unlearned_unseen: &after.unseen,
        };
        Ok::<_, AttackError>(strongest(membership(observed, &settings)?))
    };
    let mut found = Vec::new();
    for model in models {
        let attack = best(model, model, false)?;
        found.extend(attack.map(|attack| (model.name.to_owned(), attack)));
        report(observer, models.len() + found.len())?;
    }
    let of = |name| models.iter().find(|model| model.name == name);
    if let (Some(before), Some(after)) = (of(ORIGINAL), of(UNLEARNED)) {
        let name = format!("pair: {ORIGINAL} and {UNLEARNED}");
        let attack = best(before, after, true)?;
        found.extend(attack.map(|attack| (name, attack)));
    }
    Ok(found)
}

fn report(observer: &mut dyn Observer, done: usize) -> Result<(), Error> {
    let phase = Phase::Evaluate;
    let progress = Progress {
        phase,
        done: done as u64,
        total: None,
        epoch: None,
        relative_residual: None,
    };
    match observer.observe(&progress).is_continue() {
        true => Ok(()),
        false => Err(rescind::ModelError::Interrupted { phase }.into()),
    }
}

/// Who was attacked, and who could.
fn text(sources: &Sources<'_>, models: &[Answers]) -> String {
    let mut text =
        "Attackers tried to tell the forgotten records from test records, which no model \
                    ever saw. Original, unlearned and retrained model are private and un-noised: \
                    what is found in them, here for the owner's eyes, says how much there is to \
                    hide. "
            .to_owned();
    let covered = sources.history.as_ref().and_then(|history| {
        let newest = history.releases().last()?;
        Some(newest.number)
    });
    text.push_str(match covered {
        None => "Nothing was released, so nobody else has a model to attack.",
        Some(_) => "Others can attack what was released, and nothing else.",
    });
    let later = sources.answers.iter();
    let later = later.filter(|request| covered.is_some_and(|last| request.number > last));
    match later.count() {
        0 => {}
        later => text.push_str(&format!(
            " {} answered since, whose records the release has not forgotten.",
            count(later, "request")
        )),
    }
    if !models.iter().any(|model| model.name == "retrained") {
        text.push_str(
            " How much is found in a model that never saw them is not known: it is not retrained yet \
             (rescind retrain).",
        );
    }
    text
}

fn caption(found: &[(String, Attack)]) -> String {
    let shown = found.iter().filter(|(name, _)| name != ORIGINAL);
    let shown = shown.map(|(name, attack)| {
        let performance = &attack.performance;
        let area = performance.auc;
        format!(
            "{name}: {} ({} to {}), {} and {}",
            number(area.value),
            number(area.low),
            number(area.high),
            percent(performance.found_at_1_percent.value),
            percent(performance.found_at_0_1_percent.value)
        )
    });
    let shown: Vec<String> = shown.collect();
    format!(
        "Area under the curve (AUC) with its 95 % interval, and shares found at 1 % and 0.1 % of \
         false alarms. {}.",
        shown.join("; ")
    )
}

fn table(found: &[(String, Attack)], settings: &AttackSettings) -> Table {
    let interval = |low: f64, high: f64| format!("{} to {}", number(low), number(high));
    let rows = found.iter().map(|(name, attack)| {
        let performance = &attack.performance;
        let (few, fewer) = (
            performance.found_at_1_percent,
            performance.found_at_0_1_percent,
        );
        vec![
            name.clone(),
            number(performance.auc.value),
            interval(performance.auc.low, performance.auc.high),
            percent(few.value),
            percent(fewer.value),
            format!("{} on {}", named(&attack.attacker), named(&attack.features)),
        ]
    });
    let head = [
        "model attacked",
        "AUC",
        "95 % interval",
        "found at 1\u{a0}% false alarms",
        "at 0.1\u{a0}%",
        "best attacker",
    ];
    let records = found.first();
    let records = records.map_or(0, |(_, attack)| attack.performance.records);
    let caption = format!(
        "The best of {} on each model: {} against as many test records of the same classes, each \
         scored by an attacker fitted to the others ({} folds, seed {}). AUC is 0.5 by guessing; the \
         best of several lies above that by chance alone.",
        count(settings.attackers.len(), "attacker"),
        count(records, "forgotten record"),
        settings.folds,
        settings.seed
    );
    Table::new(&caption, &head, rows.collect())
}
