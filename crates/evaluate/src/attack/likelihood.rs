//! The per-example likelihood-ratio attack on unlearning (U-LiRA: Hayes et al. 2024, after
//! Carlini et al. 2022).
//!
//! Shadow models are trained on the retained records and a random half of the records in question,
//! and made to forget that half. So every record has shadows that forgot it and shadows that never
//! saw it, and the target's confidence on it is likelier under one of the two. Departing from the
//! paper, all records share the shadows, and one shadow serves both hypotheses.

use super::{AttackError, Performance};
use crate::fidelity::Outputs;
use rescind::NetworkModel;
use rescind_data::{Dataset, Selection, epoch_order};
use rescind_network::Weights;
use serde::{Deserialize, Serialize};

/// How many shadows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowPlan {
    /// Shadow models, at least 4; half of them forget a given record, half never see it.
    pub models: usize,
    /// Seed of the halves.
    pub seed: u64,
}

/// What a shadow is to be trained on and to forget.
pub struct ShadowTask<'a> {
    /// All records.
    pub dataset: &'a Dataset,
    /// Those to train on.
    pub train: &'a Selection,
    /// Those of them to forget.
    pub forget: &'a Selection,
    /// The shadow's number, from 0: the same number means the same records.
    pub number: usize,
}

/// Weights of a shadow that was trained and has forgotten.
pub type ShadowWeights<'f> =
    &'f mut dyn FnMut(&ShadowTask<'_>) -> Result<Weights<f32>, rescind::Error>;

/// Attacks `target`, which was trained on `retained` and `members` and has forgotten `members`, and
/// never saw `others`. `unlearn` trains a shadow and makes it forget, by the target's own
/// algorithms and with another seed. Scores above 0 claim membership.
///
/// # Errors
/// Fewer than 4 shadows, fewer than 2 records in question, and whatever `unlearn` meets.
#[allow(clippy::too_many_arguments)]
pub fn likelihood_ratio_attack(
    model: &NetworkModel<'_>,
    target: &Weights<f32>,
    dataset: &Dataset,
    retained: &Selection,
    members: &Selection,
    others: &Selection,
    plan: ShadowPlan,
    unlearn: ShadowWeights<'_>,
) -> Result<Performance, AttackError> {
    if plan.models < 4 {
        return Err(AttackError::Setting {
            setting: "the number of shadow models",
            found: plan.models.to_string(),
            expected: "at least 4",
        });
    }
    let asked = members.union(others).map_err(rescind::Error::from)?;
    if members.is_empty() || others.is_empty() {
        let found = members.len().min(others.len());
        return Err(AttackError::TooFew { found, needed: 1 });
    }
    let confidences = |weights: &Weights<f32>| {
        let mut model = model.clone();
        model.statistics.clone_from(&weights.statistics);
        let outputs = Outputs::of(&model, &weights.parameters, dataset, &asked)?;
        Ok::<_, rescind::Error>(outputs.scaled_confidences())
    };
    let mut forgot = vec![Vec::new(); asked.len()];
    let mut never = vec![Vec::new(); asked.len()];
    for number in 0..plan.models {
        let half = half(&asked, plan, number);
        let forget = Selection::new(dataset.len(), half).map_err(rescind::Error::from)?;
        let train = retained.union(&forget).map_err(rescind::Error::from)?;
        let shadow = unlearn(&ShadowTask {
            dataset,
            train: &train,
            forget: &forget,
            number,
        })?;
        for (place, confidence) in confidences(&shadow)?.into_iter().enumerate() {
            match forget.contains(asked.positions()[place]) {
                true => forgot[place].push(confidence),
                false => never[place].push(confidence),
            }
        }
    }
    let scores = likelihood_ratios(&forgot, &never, &confidences(target)?);
    let of = |set: &Selection| {
        let placed = asked.positions().iter().zip(&scores);
        let own = placed.filter(|(position, _)| set.contains(**position));
        own.map(|(_, score)| *score).collect::<Vec<f64>>()
    };
    Ok(Performance::of(&of(members), &of(others), 0.0))
}

/// The records a shadow sees. Shadows come in pairs that see complementary halves, so that every
/// record is seen by exactly half of an even number.
fn half(asked: &Selection, plan: ShadowPlan, number: usize) -> Vec<usize> {
    let order = epoch_order(asked, plan.seed, number as u64 / 2);
    let (first, second) = order.split_at(order.len() / 2);
    let half = if number.is_multiple_of(2) {
        first
    } else {
        second
    };
    half.to_vec()
}

/// Samples per record from which its own variance is trusted; below, all records share one.
const OWN_VARIANCE: usize = 32;

/// `ln p(x | forgot) − ln p(x | never saw)` for every record, both normal, fitted to the shadows'
/// confidences on it.
pub fn likelihood_ratios(forgot: &[Vec<f64>], never: &[Vec<f64>], observed: &[f64]) -> Vec<f64> {
    let (shared_forgot, shared_never) = (shared_variance(forgot), shared_variance(never));
    let records = forgot.iter().zip(never).zip(observed);
    records
        .map(|((forgot, never), &x)| {
            log_density(x, forgot, shared_forgot) - log_density(x, never, shared_never)
        })
        .collect()
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

fn squares(samples: &[f64]) -> f64 {
    let mean = mean(samples);
    samples.iter().map(|x| (x - mean).powi(2)).sum()
}

/// The variance around each record's own mean, pooled over the records.
fn shared_variance(records: &[Vec<f64>]) -> f64 {
    let total: f64 = records.iter().map(|samples| squares(samples)).sum();
    let free: usize = records
        .iter()
        .map(|samples| samples.len().saturating_sub(1))
        .sum();
    total / free.max(1) as f64
}

fn log_density(x: f64, samples: &[f64], shared: f64) -> f64 {
    let own = samples.len() >= OWN_VARIANCE;
    let variance = if own {
        squares(samples) / (samples.len() - 1) as f64
    } else {
        shared
    };
    let variance = variance.max(1e-12);
    -0.5 * ((x - mean(samples)).powi(2) / variance + variance.ln())
}
