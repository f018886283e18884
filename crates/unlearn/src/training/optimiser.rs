//! Optimisers: how a gradient becomes a step.

use crate::error::Error;
use crate::setting::require;
use serde::{Deserialize, Serialize};

/// An optimiser, with its learning rate before any [`Schedule`](super::Schedule).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimiser {
    /// Adam (Kingma & Ba 2015), with bias correction as there.
    Adam {
        /// Learning rate, above 0.
        learning_rate: f64,
        /// Decay of the gradient's mean, in [0, 1).
        beta1: f64,
        /// Decay of the squared gradient's mean, in [0, 1).
        beta2: f64,
        /// Added to the denominator, above 0.
        epsilon: f64,
    },
    /// Gradient descent with heavy-ball momentum: `u ← βu + g`, `w ← w − γu`.
    Sgd {
        /// Learning rate γ, above 0.
        learning_rate: f64,
        /// Momentum β, in [0, 1).
        momentum: f64,
    },
}

impl Optimiser {
    /// Adam with the paper's constants.
    pub fn adam(learning_rate: f64) -> Self {
        Optimiser::Adam {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    pub(super) fn validate(self) -> Result<(), Error> {
        let positive = |name, value: f64| {
            require(
                value > 0.0 && value.is_finite(),
                name,
                value,
                "a finite number above 0",
            )
        };
        let share = |name, value: f64| {
            require(
                (0.0..1.0).contains(&value),
                name,
                value,
                "at least 0 and below 1",
            )
        };
        match self {
            Optimiser::Adam {
                learning_rate,
                beta1,
                beta2,
                epsilon,
            } => {
                positive("the learning rate", learning_rate)?;
                share("Adam's beta1", beta1)?;
                share("Adam's beta2", beta2)?;
                positive("Adam's epsilon", epsilon)
            }
            Optimiser::Sgd {
                learning_rate,
                momentum,
            } => {
                positive("the learning rate", learning_rate)?;
                share("the momentum", momentum)
            }
        }
    }

    /// Moment vectors it keeps for every weight.
    pub fn moments(self) -> usize {
        match self {
            Optimiser::Adam { .. } => 2,
            Optimiser::Sgd { .. } => 1,
        }
    }

    /// Takes one step: `w` moves against `gradient`, with the learning rate times `factor`.
    ///
    /// `moments` are the optimiser's own vectors, [`moments`](Self::moments) of the length of `w`,
    /// zero at first; `steps` are the steps taken before. Nothing moves if they are another number.
    pub fn step(
        self,
        w: &mut [f32],
        gradient: &[f32],
        moments: &mut [Vec<f32>],
        steps: u64,
        factor: f64,
    ) {
        match (self, moments) {
            (
                Optimiser::Adam {
                    learning_rate,
                    beta1,
                    beta2,
                    epsilon,
                },
                [mean, square],
            ) => {
                let count = i32::try_from(steps + 1).unwrap_or(i32::MAX);
                let rate = (learning_rate * factor / (1.0 - beta1.powi(count))) as f32;
                let root = (1.0 / (1.0 - beta2.powi(count)).sqrt()) as f32;
                let (b1, b2, epsilon) = (beta1 as f32, beta2 as f32, epsilon as f32);
                let moments = mean.iter_mut().zip(square.iter_mut());
                for ((w, &g), (m, v)) in w.iter_mut().zip(gradient).zip(moments) {
                    *m += (1.0 - b1) * (g - *m);
                    *v += (1.0 - b2) * (g * g - *v);
                    *w -= rate * *m / (v.sqrt() * root + epsilon);
                }
            }
            (
                Optimiser::Sgd {
                    learning_rate,
                    momentum,
                },
                [velocity],
            ) => {
                let (rate, momentum) = ((learning_rate * factor) as f32, momentum as f32);
                for ((w, &g), u) in w.iter_mut().zip(gradient).zip(velocity.iter_mut()) {
                    *u = momentum * *u + g;
                    *w -= rate * *u;
                }
            }
            // `moments` has the length that `moments()` says; TrainingState checks it on reading.
            _ => {}
        }
    }
}
