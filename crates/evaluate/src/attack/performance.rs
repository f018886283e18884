//! How well scores tell members from others.

use super::interval::{COVERAGE, Estimate};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use std::cmp::Ordering;

/// How an attack did, all on records the attacker was not fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Performance {
    /// Forgotten records scored; as many unseen ones were.
    pub records: usize,
    /// Share told apart at the attacker's own threshold; 0.5 by guessing. Clopper–Pearson.
    pub accuracy: Estimate,
    /// Area under the curve: the probability that a forgotten record scores above an unseen one,
    /// ties counting half. The interval is DeLong's (DeLong, DeLong & Clarke-Pearson 1988), a
    /// single point where the scores part the two sets completely.
    pub auc: Estimate,
    /// Share of forgotten records found at no more than 1 % false positives. Clopper–Pearson.
    pub found_at_1_percent: Estimate,
    /// The same at no more than 0.1 %: below 1000 unseen records, without any false positive.
    pub found_at_0_1_percent: Estimate,
}

impl Performance {
    /// Of scores that are high for members. Scores above `threshold` count as claims of membership.
    pub fn of(members: &[f64], others: &[f64], threshold: f64) -> Self {
        let claimed = |scores: &[f64]| scores.iter().filter(|&&s| s > threshold).count() as u64;
        let right = claimed(members) + others.len() as u64 - claimed(others);
        let curve = roc(members, others);
        let found = |limit: f64| {
            let within = curve
                .iter()
                .filter(|(false_positive, _)| *false_positive <= limit);
            let share = within.map(|(_, found)| *found).fold(0.0, f64::max);
            let count = (share * members.len() as f64).round() as u64;
            Estimate::share(count, members.len() as u64)
        };
        Performance {
            records: members.len(),
            accuracy: Estimate::share(right, (members.len() + others.len()) as u64),
            auc: auc(members, others),
            found_at_1_percent: found(0.01),
            found_at_0_1_percent: found(0.001),
        }
    }
}

/// The corners of the receiver operating characteristic, as (false-positive rate, true-positive
/// rate) from (0, 0) to (1, 1): one point for each distinct score.
pub fn roc(members: &[f64], others: &[f64]) -> Vec<(f64, f64)> {
    let labelled = |scores: &[f64], member: bool| -> Vec<(f64, bool)> {
        scores.iter().map(|&score| (score, member)).collect()
    };
    let mut all = [labelled(members, true), labelled(others, false)].concat();
    all.sort_by(|a, b| order(b.0, a.0));
    let (of_members, of_others) = (members.len().max(1) as f64, others.len().max(1) as f64);
    let (mut hits, mut alarms) = (0_u64, 0_u64);
    let mut curve = vec![(0.0, 0.0)];
    for (index, &(score, member)) in all.iter().enumerate() {
        match member {
            true => hits += 1,
            false => alarms += 1,
        }
        let tied = all
            .get(index + 1)
            .is_some_and(|next| order(next.0, score).is_eq());
        if !tied {
            curve.push((alarms as f64 / of_others, hits as f64 / of_members));
        }
    }
    curve
}

/// The area and DeLong's interval.
fn auc(members: &[f64], others: &[f64]) -> Estimate {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let above = placements(members, others);
    let below: Vec<f64> = placements(others, members)
        .into_iter()
        .map(|share| 1.0 - share)
        .collect();
    let value = mean(&above);
    let variance = |parts: &[f64]| {
        let squares: f64 = parts.iter().map(|part| (part - value).powi(2)).sum();
        squares / (parts.len().max(2) - 1) as f64 / parts.len().max(1) as f64
    };
    let deviation = (variance(&above) + variance(&below)).sqrt();
    let reach = deviation * Normal::standard().inverse_cdf(0.5 * (1.0 + COVERAGE));
    Estimate {
        value,
        low: (value - reach).max(0.0),
        high: (value + reach).min(1.0),
    }
}

/// For each of `scores`, the share of `against` below it, ties counting half.
fn placements(scores: &[f64], against: &[f64]) -> Vec<f64> {
    let mut sorted = against.to_vec();
    sorted.sort_by(|&a, &b| order(a, b));
    let count = sorted.len().max(1) as f64;
    let place = |&score: &f64| {
        let below = sorted.partition_point(|&other| order(other, score).is_lt());
        let up_to = sorted.partition_point(|&other| order(other, score).is_le());
        (below + up_to) as f64 / 2.0 / count
    };
    scores.iter().map(place).collect()
}

/// The order of numbers, in which 0 and −0 are the same.
fn order(a: f64, b: f64) -> Ordering {
    (a + 0.0).total_cmp(&(b + 0.0))
}
