//! The constants that bounds are made of.

use serde::{Deserialize, Serialize};

/// A constant's name. Its written form is the same in files and in docs/theory.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Symbol {
    /// R, the radius of the ball to which weights are projected.
    #[serde(rename = "R")]
    BallRadius,
    /// ρ, a bound on the distance between the trained and the retrained weights.
    #[serde(rename = "rho")]
    Distance,
    /// M, a Lipschitz constant of the Hessian.
    #[serde(rename = "M")]
    HessianLipschitz,
    /// λ, the damping of the Newton step.
    #[serde(rename = "lambda")]
    Damping,
    /// G, the gradient norm at which retraining stops.
    #[serde(rename = "G")]
    GradientBound,
    /// ‖r‖, what the linear solve left over.
    #[serde(rename = "residual")]
    Residual,
    /// λ_min, the least eigenvalue of the Hessian; the only constant that may be negative.
    #[serde(rename = "lambda_min")]
    LeastEigenvalue,
    /// ‖∇F_r(w̃)‖ at the weights to be released.
    #[serde(rename = "gradient_norm")]
    GradientNorm,
    /// R0, the radius to which the starting point is projected.
    #[serde(rename = "R0")]
    StartRadius,
    /// γ, the step size of noisy fine-tuning.
    #[serde(rename = "gamma")]
    StepSize,
    /// C1, the norm to which gradients are clipped.
    #[serde(rename = "C1")]
    ClipNorm,
    /// The weight decay of noisy fine-tuning.
    #[serde(rename = "weight_decay")]
    WeightDecay,
    /// T, the number of noisy steps.
    #[serde(rename = "T")]
    NoisySteps,
    /// η, the step size of training.
    #[serde(rename = "eta")]
    LearningRate,
    /// N, the steps of gradient descent that training takes.
    #[serde(rename = "N")]
    StepsTrained,
    /// K, those of them that are taken again after rewinding.
    #[serde(rename = "K")]
    StepsAgain,
    /// n, the records trained on before the rewinding.
    #[serde(rename = "n")]
    RecordsTrained,
    /// m, those of them that were removed since.
    #[serde(rename = "m")]
    RecordsRemoved,
    /// G_ℓ, a bound on the gradient norm of every record's loss.
    #[serde(rename = "G_l")]
    RecordGradient,
    /// L, a Lipschitz constant of the gradient of every record's loss.
    #[serde(rename = "L")]
    GradientLipschitz,
    /// r, a bound on what rounding takes a step of training away from.
    #[serde(rename = "r")]
    StepRounding,
    /// μ, the strength of the L2 penalty, and so the strong convexity of a convex loss with it.
    #[serde(rename = "penalty")]
    Penalty,
}

impl Symbol {
    /// The symbol as written in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BallRadius => "R",
            Self::Distance => "rho",
            Self::HessianLipschitz => "M",
            Self::Damping => "lambda",
            Self::GradientBound => "G",
            Self::Residual => "residual",
            Self::LeastEigenvalue => "lambda_min",
            Self::GradientNorm => "gradient_norm",
            Self::StartRadius => "R0",
            Self::StepSize => "gamma",
            Self::ClipNorm => "C1",
            Self::WeightDecay => "weight_decay",
            Self::NoisySteps => "T",
            Self::LearningRate => "eta",
            Self::StepsTrained => "N",
            Self::StepsAgain => "K",
            Self::RecordsTrained => "n",
            Self::RecordsRemoved => "m",
            Self::RecordGradient => "G_l",
            Self::GradientLipschitz => "L",
            Self::StepRounding => "r",
            Self::Penalty => "penalty",
        }
    }

    /// What it stands for, in words for the reader of a certificate.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::BallRadius => "radius of the ball to which all weights are projected",
            Self::Distance => "bound on the distance between trained and retrained weights",
            Self::HessianLipschitz => "Lipschitz constant of the Hessian within the ball",
            Self::Damping => "damping added to the Hessian",
            Self::GradientBound => "gradient norm at which retraining stops",
            Self::Residual => "norm of the residual of the linear solve",
            Self::LeastEigenvalue => "lower bound on the least eigenvalue of the Hessian",
            Self::GradientNorm => "gradient norm of the retain objective at the new weights",
            Self::StartRadius => "radius to which the starting weights are projected",
            Self::StepSize => "step size of the noisy steps",
            Self::ClipNorm => "norm to which every gradient is clipped",
            Self::WeightDecay => "weight decay of the noisy steps",
            Self::NoisySteps => "number of noisy steps",
            Self::LearningRate => "step size of training",
            Self::StepsTrained => "steps that training takes",
            Self::StepsAgain => "steps taken again after rewinding",
            Self::RecordsTrained => "records trained on before rewinding",
            Self::RecordsRemoved => "records removed since the checkpoint",
            Self::RecordGradient => "bound on the gradient norm of every record's loss",
            Self::GradientLipschitz => "Lipschitz constant of the gradient of every record's loss",
            Self::StepRounding => "bound on how far rounding takes a step of training",
            Self::Penalty => "strength of the L2 penalty",
        }
    }

    /// Whether a value below 0 has a meaning.
    pub(super) fn may_be_negative(self) -> bool {
        self == Self::LeastEigenvalue
    }
}

impl std::fmt::Display for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
