//! Measuring one model.

use super::bench::{Answers, Bench};
use super::cell::{Fidelity, SetFidelity};
use super::{CompareError, Comparison};
use crate::attack::{Attack, AttackError, Features, Observed, membership};
use crate::fidelity::{Outputs, Relearn, RelearnTask, Scores, agreement, divergence, relearn};
use rescind::evaluation::distance;
use rescind::{Error, Observer};
use rescind_network::Weights;

/// How close the model is to the retrained one.
pub(super) fn fidelity(
    bench: &Bench,
    answers: &Answers,
    weights: Option<&Weights<f32>>,
    limit: u64,
    observer: &mut dyn Observer,
) -> Result<Fidelity, Error> {
    let set = |of: &Outputs, retrained: &Outputs| SetFidelity {
        scores: Scores::of(of),
        divergence: divergence(of, retrained),
        agreement: agreement(of, retrained),
    };
    let original = &bench.run.private_weights()?.parameters;
    let from = |others: &[f32]| weights.map(|own| distance(&own.parameters, others));
    Ok(Fidelity {
        forgotten: set(&answers.forgotten, &bench.retrained.forgotten),
        retained: set(&answers.retained, &bench.retrained.retained),
        test: set(&answers.test, &bench.retrained.test),
        to_retrained: from(&bench.retrained_weights.parameters),
        to_original: from(original),
        relearn: match weights {
            Some(weights) => Some(relearned(bench, weights, limit, observer)?),
            None => None,
        },
    })
}

/// How soon the model knows the forgotten records again.
fn relearned(
    bench: &Bench,
    weights: &Weights<f32>,
    limit: u64,
    observer: &mut dyn Observer,
) -> Result<Relearn, Error> {
    let model = bench.run.network_model(weights.statistics.clone())?;
    let training = &bench.run.settings().training;
    relearn(
        &RelearnTask {
            model: &model,
            weights,
            dataset: bench.run.classifier()?.train_records()?,
            forgotten: &bench.forgotten,
            optimiser: training.optimiser,
            batch: training.batch,
            statistics_momentum: training.statistics_momentum,
            seed: training.seed,
            target: Scores::of(&bench.original.forgotten).loss,
            limit,
        },
        observer,
    )
}

/// The attacks on the model that came of the original one, or why there are none. The original model
/// makes no pair with itself.
pub(super) fn attacks(
    comparison: &Comparison,
    bench: &Bench,
    (original, answers): (&Answers, &Answers),
    is_original: bool,
) -> Result<(Vec<Attack>, Option<String>), CompareError> {
    let mut settings = comparison.attack.clone();
    settings.seed = settings
        .seed
        .wrapping_add(bench.run.settings().training.seed);
    if is_original {
        settings
            .features
            .retain(|features: &Features| !features.of_pair());
    }
    let observed = Observed {
        original_forgotten: &original.forgotten,
        original_unseen: &original.test,
        unlearned_forgotten: &answers.forgotten,
        unlearned_unseen: &answers.test,
    };
    match membership(observed, &settings) {
        Ok(attacks) => Ok((attacks, None)),
        Err(few @ AttackError::TooFew { .. }) => Ok((Vec::new(), Some(few.to_string()))),
        Err(other) => Err(other.into()),
    }
}
