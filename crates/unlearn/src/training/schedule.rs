//! Learning rates over time.

use crate::error::Error;
use crate::setting::require;
use serde::{Deserialize, Serialize};

/// What the learning rate is multiplied by as training goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// Times `factor` after every `epochs` epochs.
    Steps {
        /// Epochs between drops, at least 1.
        epochs: u64,
        /// What each drop multiplies by, in (0, 1].
        factor: f64,
    },
    /// From 1 along half a cosine to `last` at the end of the last epoch (Loshchilov & Hutter
    /// 2017, without restarts), after a linear rise over the first `warmup` epochs.
    Cosine {
        /// Epochs of linear rise from 0.
        warmup: u64,
        /// The factor at the end, in [0, 1].
        last: f64,
    },
}

impl Schedule {
    pub(super) fn validate(self, epochs: u64) -> Result<(), Error> {
        match self {
            Schedule::Constant => Ok(()),
            Schedule::Steps { epochs, factor } => {
                require(
                    epochs > 0,
                    "the schedule's epochs",
                    epochs as f64,
                    "at least 1",
                )?;
                let valid = factor > 0.0 && factor <= 1.0;
                require(valid, "the schedule's factor", factor, "above 0, at most 1")
            }
            Schedule::Cosine { warmup, last } => {
                let expected = "less than the epochs of training";
                require(
                    warmup < epochs,
                    "the schedule's warmup",
                    warmup as f64,
                    expected,
                )?;
                require(
                    (0.0..=1.0).contains(&last),
                    "the schedule's last",
                    last,
                    "from 0 to 1",
                )
            }
        }
    }

    /// The factor at `epoch` (from 0, with a fraction within the epoch) of `epochs`.
    pub(super) fn factor(self, epoch: f64, epochs: u64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Steps { epochs, factor } => factor.powf((epoch / epochs as f64).floor()),
            Schedule::Cosine { warmup, .. } if epoch < warmup as f64 => epoch / warmup as f64,
            Schedule::Cosine { warmup, last } => {
                let done = (epoch - warmup as f64) / (epochs - warmup) as f64;
                let wave = 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos());
                last + (1.0 - last) * wave
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(Schedule::Constant.factor(7.5, 10), 1.0);
        let steps = Schedule::Steps {
            epochs: 3,
            factor: 0.1,
        };
        near(steps.factor(2.99, 10), 1.0);
        near(steps.factor(3.0, 10), 0.1);
        near(steps.factor(6.5, 10), 0.01);
        let cosine = Schedule::Cosine {
            warmup: 2,
            last: 0.2,
        };
        near(cosine.factor(0.5, 10), 0.25);
        near(cosine.factor(2.0, 10), 1.0);
        near(cosine.factor(6.0, 10), 0.6);
        near(cosine.factor(10.0, 10), 0.2);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        assert!(
            Schedule::Steps {
                epochs: 0,
                factor: 0.5
            }
            .validate(5)
            .is_err()
        );
        assert!(
            Schedule::Steps {
                epochs: 1,
                factor: 0.0
            }
            .validate(5)
            .is_err()
        );
        assert!(
            Schedule::Cosine {
                warmup: 5,
                last: 0.0
            }
            .validate(5)
            .is_err()
        );
        assert!(
            Schedule::Cosine {
                warmup: 0,
                last: f64::NAN
            }
            .validate(5)
            .is_err()
        );
        assert!(
            Schedule::Cosine {
                warmup: 4,
                last: 1.0
            }
            .validate(5)
            .is_ok()
        );
    }
}
