//! Choosing a test on one half of the draws and measuring it on the other.

use super::bound::{Parameter, Rate, UpperBounds};
use serde::Serialize;

/// The values of one statistic on the releases of both sides.
pub(super) struct Scores {
    pub name: String,
    pub unlearned: Vec<f64>,
    pub retrained: Vec<f64>,
}

/// A lower bound on a parameter of the promise, and the test that shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LowerBound {
    /// The bound; 0 if the test shows nothing.
    pub value: f64,
    /// The statistic that the test looks at.
    pub statistic: String,
    /// The test says "unlearned" where the statistic is above (or below) this.
    pub threshold: f64,
    /// Whether it says so above.
    pub above: bool,
    /// Retrained releases taken for unlearned ones.
    pub false_positives: Rate,
    /// Unlearned releases taken for retrained ones.
    pub false_negatives: Rate,
}

/// One test: "unlearned" where `score > threshold` (or `<`).
#[derive(Clone, Copy)]
struct Test {
    statistic: usize,
    threshold: f64,
    above: bool,
}

impl Test {
    fn says_unlearned(self, score: f64) -> bool {
        match self.above {
            true => score > self.threshold,
            false => score < self.threshold,
        }
    }
}

/// Chooses the test that promises the largest bound on the first `half` draws and measures it on
/// the others, so that the choice does not bias the bound. Each of the two error probabilities
/// exceeds its upper bound with a probability of at most `level`.
pub(super) fn lower_bound(
    scores: &[Scores],
    half: usize,
    parameter: Parameter,
    chosen_by: &UpperBounds,
    measured_by: &UpperBounds,
) -> Option<LowerBound> {
    let test = choose(scores, half, parameter, chosen_by)?;
    let scores = &scores[test.statistic];
    let mistaken = |values: &[f64], truth: bool| {
        let values = values[half..].iter();
        values
            .filter(|&&value| test.says_unlearned(value) != truth)
            .count()
    };
    let false_positives = measured_by.rate(mistaken(&scores.retrained, false));
    let false_negatives = measured_by.rate(mistaken(&scores.unlearned, true));
    let least = parameter.least(false_positives.upper, false_negatives.upper);
    Some(LowerBound {
        value: least.max(0.0),
        statistic: scores.name.clone(),
        threshold: test.threshold,
        above: test.above,
        false_positives,
        false_negatives,
    })
}

fn choose(
    scores: &[Scores],
    half: usize,
    parameter: Parameter,
    bounds: &UpperBounds,
) -> Option<Test> {
    let mut best: Option<(f64, Test)> = None;
    for (statistic, scores) in scores.iter().enumerate() {
        let label = |values: &[f64], unlearned: bool| {
            let values = values[..half].iter();
            values
                .map(|&value| (value, unlearned))
                .collect::<Vec<(f64, bool)>>()
        };
        let mut pooled = label(&scores.unlearned, true);
        pooled.extend(label(&scores.retrained, false));
        pooled.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut unlearned_below, mut retrained_below) = (0, 0);
        for pair in pooled.windows(2) {
            let [(value, unlearned), (next, _)] = [pair[0], pair[1]];
            match unlearned {
                true => unlearned_below += 1,
                false => retrained_below += 1,
            }
            if value >= next {
                continue;
            }
            for above in [true, false] {
                let (positives, negatives) = match above {
                    true => (half - retrained_below, unlearned_below),
                    false => (retrained_below, half - unlearned_below),
                };
                let [alpha, beta] = [positives, negatives].map(|count| bounds.rate(count).upper);
                let promised = parameter.least(alpha, beta);
                if best.is_none_or(|(most, _)| promised > most) {
                    let threshold = value + (next - value) / 2.0;
                    best = Some((
                        promised,
                        Test {
                            statistic,
                            threshold,
                            above,
                        },
                    ));
                }
            }
        }
    }
    best.map(|(_, test)| test)
}
