//! The theorems that bound the distance from retraining.

use serde::{Deserialize, Serialize};

use super::constant::Constant;
use super::rewinding::Rewinding;
use super::symbol::Symbol;
use crate::error::{PrivacyError, require};
use crate::noisy_fine_tuning::NoisyFineTuning;
use crate::quantity::Sensitivity;

/// A theorem that bounds a sensitivity from constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theorem {
    /// The damped Newton step, certified by its residual (Zhang et al. 2024; docs/theory.md §2).
    NewtonStep,
    /// Both outcomes are projected into one ball (docs/theory.md §2).
    BallDiameter,
    /// A strongly convex objective (docs/theory.md §3).
    StronglyConvex,
    /// Weights projected into a ball, noised once (docs/theory.md §4, T = 0).
    OutputPerturbation,
    /// Noise at every step of fine-tuning (docs/theory.md §4). The value is the sensitivity that noise
    /// added *once* would have to hide; σ is the noise of every step.
    NoisyFineTuning,
    /// Back to an early checkpoint of full-batch descent, then on without the records
    /// (Mu & Klabjan 2025; docs/theory.md §13).
    RewindToDelete,
}

impl Theorem {
    /// The theorem's name as written in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewtonStep => "newton_step",
            Self::BallDiameter => "ball_diameter",
            Self::StronglyConvex => "strongly_convex",
            Self::OutputPerturbation => "output_perturbation",
            Self::NoisyFineTuning => "noisy_fine_tuning",
            Self::RewindToDelete => "rewind_to_delete",
        }
    }

    /// The bound as a formula over the symbols of [`Self::symbols`].
    #[must_use]
    pub fn formula(self) -> &'static str {
        match self {
            Self::NewtonStep => "(rho (M rho / 2 + lambda) + G + residual) / (lambda + lambda_min)",
            Self::BallDiameter => "2 R",
            Self::StronglyConvex => "(gradient_norm + G) / penalty",
            Self::OutputPerturbation => "2 R0",
            Self::NoisyFineTuning => {
                "s / sqrt(q), a = 1 - gamma weight_decay, \
                 s = 2 R0 a^T + 2 gamma C1 (1 - a^T)/(1 - a), q = (1 - a^(2T))/(1 - a^2)"
            }
            Self::RewindToDelete => {
                "(2 eta m G_l / n) kappa^K S(N - K) + 2 r S(N), \
                 S(t) = (kappa^t - 1)/(kappa - 1), kappa = 1 + eta (L - penalty)"
            }
        }
    }

    /// Whether it needs a model that is smooth: without jumps in gradient and Hessian.
    #[must_use]
    pub fn needs_smoothness(self) -> bool {
        matches!(self, Self::NewtonStep | Self::RewindToDelete)
    }

    /// The constants it needs, each exactly once.
    #[must_use]
    pub fn symbols(self) -> &'static [Symbol] {
        match self {
            Self::NewtonStep => &[
                Symbol::Distance,
                Symbol::HessianLipschitz,
                Symbol::Damping,
                Symbol::GradientBound,
                Symbol::Residual,
                Symbol::LeastEigenvalue,
            ],
            Self::BallDiameter => &[Symbol::BallRadius],
            Self::StronglyConvex => &[Symbol::GradientNorm, Symbol::GradientBound, Symbol::Penalty],
            Self::OutputPerturbation => &[Symbol::StartRadius],
            Self::NoisyFineTuning => &[
                Symbol::StartRadius,
                Symbol::StepSize,
                Symbol::ClipNorm,
                Symbol::WeightDecay,
                Symbol::NoisySteps,
            ],
            Self::RewindToDelete => &[
                Symbol::LearningRate,
                Symbol::Penalty,
                Symbol::StepsTrained,
                Symbol::StepsAgain,
                Symbol::RecordsTrained,
                Symbol::RecordsRemoved,
                Symbol::GradientLipschitz,
                Symbol::RecordGradient,
                Symbol::StepRounding,
            ],
        }
    }

    /// The bound, computed in f64 and rounded up.
    pub(super) fn evaluate(self, constants: &[Constant]) -> Result<Sensitivity, PrivacyError> {
        let values = self.values(constants)?;
        // The order is that of `symbols`; `values` has checked it.
        match (self, values.as_slice()) {
            (Self::NewtonStep, &[rho, lipschitz, damping, gradient, residual, least]) => {
                require(
                    damping + least > 0.0,
                    "damping plus least eigenvalue (lambda + lambda_min)",
                    damping + least,
                    "above 0",
                    "raise the damping above -lambda_min, or rely on another bound: the Newton \
                     step promises nothing on an indefinite system",
                )?;
                let numerator = rho * (lipschitz * rho / 2.0 + damping) + gradient + residual;
                Sensitivity::rounded_up(numerator / (damping + least))
            }
            (Self::StronglyConvex, &[gradient_norm, gradient_bound, convexity]) => {
                require(
                    convexity > 0.0,
                    "the penalty's strength mu",
                    convexity,
                    "above 0",
                    "add an L2 penalty to the objective; without one its minimiser may move freely",
                )?;
                Sensitivity::rounded_up((gradient_norm + gradient_bound) / convexity)
            }
            (Self::NoisyFineTuning, &[radius, step_size, clip_norm, weight_decay, steps]) => {
                require(
                    steps.fract() <= 0.0 && steps <= 1e15,
                    "the number of noisy steps T",
                    steps,
                    "a whole number, at most 1e15",
                    "count the noisy steps",
                )?;
                let noisy_steps = steps as u64;
                NoisyFineTuning {
                    radius,
                    step_size,
                    clip_norm,
                    weight_decay,
                    noisy_steps,
                }
                .effective_sensitivity()
            }
            (
                Self::RewindToDelete,
                &[
                    eta,
                    penalty,
                    trained,
                    again,
                    records,
                    removed,
                    lipschitz,
                    gradient,
                    rounding,
                ],
            ) => Rewinding {
                eta,
                penalty,
                trained,
                again,
                records,
                removed,
                lipschitz,
                gradient,
                rounding,
            }
            .sensitivity(),
            (Self::BallDiameter | Self::OutputPerturbation, &[radius]) => {
                Sensitivity::rounded_up(2.0 * radius)
            }
            _ => Err(self.wrong_constants(constants)),
        }
    }

    /// The values in the order of [`Self::symbols`], each present exactly once.
    fn values(self, constants: &[Constant]) -> Result<Vec<f64>, PrivacyError> {
        let value_of = |symbol: &Symbol| {
            let mut given = constants
                .iter()
                .filter(|constant| constant.symbol() == *symbol);
            match (given.next(), given.next()) {
                (Some(constant), None) => Some(constant.value()),
                _ => None,
            }
        };
        let values: Option<Vec<f64>> = self.symbols().iter().map(value_of).collect();
        values
            .filter(|values| values.len() == constants.len())
            .ok_or_else(|| self.wrong_constants(constants))
    }

    fn wrong_constants(self, constants: &[Constant]) -> PrivacyError {
        let list = |symbols: &mut dyn Iterator<Item = Symbol>| {
            symbols.map(Symbol::as_str).collect::<Vec<_>>().join(", ")
        };
        PrivacyError::WrongConstants {
            theorem: self.as_str(),
            expected: list(&mut self.symbols().iter().copied()),
            found: list(&mut constants.iter().map(Constant::symbol)),
            advice: "give each of them exactly once",
        }
    }
}

impl std::fmt::Display for Theorem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
