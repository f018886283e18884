//! The damping λ: given, or chosen without a look at the records to forget.

use crate::error::Error;
use crate::objective::{Curvature, Objective};
use crate::observer::{Observer, relay};
use crate::phase::Phase;
use crate::products::Watched;
use crate::setting::require;
use rescind_curvature::{
    Control, LanczosSettings, SpectrumError, SpectrumEstimate, SuggestedDamping,
};
use serde::{Deserialize, Serialize};

/// Lanczos steps for the size of the curvature: its largest eigenvalues stand out, and a few
/// products tell the first to within some percent.
pub(super) const SIZE_STEPS: usize = 6;

/// Records over which it is looked at, where there are more.
pub(super) const SIZE_RECORDS: usize = 2000;

/// Where the damping comes from. None of the ways looks at the records to forget (docs/theory.md §6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Damping {
    /// This λ ≥ 0.
    Given {
        /// λ.
        value: f64,
    },
    /// `λ = scale · λ_max / √n`, n being the records that the curvature is asked to be taken over and
    /// λ_max its largest eigenvalue, as a few products tell it: a mean over n records is known to
    /// about its own size over `√n`, and directions flatter than that are noise, along which a step
    /// would only wander.
    Sampling {
        /// The scale, above 0.
        scale: f64,
    },
    /// The least λ that keeps the condition number of `B + λI` below `condition_number`, from the
    /// spectrum as Lanczos measures it.
    FromSpectrum {
        /// Wanted condition number, above 1.
        condition_number: f64,
        /// Lanczos steps, one product each, at least 1.
        steps: usize,
        /// Probability that the bounds on the spectrum fail, in (0, 1).
        failure_probability: f64,
    },
}

/// The damping used, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChosenDamping {
    /// λ.
    pub damping: f64,
    /// The choice in words.
    pub explanation: String,
    /// The measured spectrum behind it, if it was measured.
    pub suggestion: Option<SuggestedDamping>,
    /// Products spent on the choice.
    pub products: u64,
}

impl Damping {
    pub(super) fn validate(self) -> Result<(), Error> {
        match self {
            Damping::Given { value } => {
                let valid = value >= 0.0 && value.is_finite();
                require(valid, "the damping", value, "a finite number of at least 0")
            }
            Damping::Sampling { scale } => {
                let valid = scale > 0.0 && scale.is_finite();
                require(
                    valid,
                    "the damping's scale",
                    scale,
                    "a finite number above 0",
                )
            }
            // The rest is checked where it is used, before any product.
            Damping::FromSpectrum {
                condition_number, ..
            } => {
                let valid = condition_number > 1.0 && condition_number.is_finite();
                require(
                    valid,
                    "the condition number",
                    condition_number,
                    "finite, above 1",
                )
            }
        }
    }

    pub(super) fn choose(
        self,
        objective: &dyn Objective,
        records: usize,
        w: &[f32],
        (curvature, seed): (Curvature, u64),
        observer: &mut dyn Observer,
    ) -> Result<ChosenDamping, Error> {
        match self {
            Damping::Given { value } => Ok(ChosenDamping {
                damping: value,
                explanation: format!("damping {value:.3e}: as given"),
                suggestion: None,
                products: 0,
            }),
            Damping::Sampling { scale } => {
                let spectrum = spectrum(objective, w, (curvature, seed), SIZE_STEPS, observer)?;
                let largest = spectrum.theta_max;
                // No curvature at all: any damping leaves the step what the right-hand side is.
                let size = if largest > 0.0 { largest } else { 1.0 };
                let damping = scale * size / (records as f64).sqrt();
                let why = "directions flatter than the curvature is known are left alone";
                Ok(ChosenDamping {
                    damping,
                    explanation: format!(
                        "damping {damping:.3e} = {scale} times the largest curvature, about \
                         {size:.3e}, / sqrt({records}): {why}"
                    ),
                    suggestion: None,
                    products: spectrum.steps as u64,
                })
            }
            Damping::FromSpectrum {
                condition_number,
                steps,
                failure_probability,
            } => {
                let spectrum = spectrum(objective, w, (curvature, seed), steps, observer)?;
                let suggestion =
                    SuggestedDamping::new(&spectrum, condition_number, failure_probability)?;
                Ok(ChosenDamping {
                    damping: suggestion.damping,
                    explanation: suggestion.to_string(),
                    suggestion: Some(suggestion),
                    products: spectrum.steps as u64,
                })
            }
        }
    }
}

fn spectrum(
    objective: &dyn Objective,
    w: &[f32],
    (curvature, seed): (Curvature, u64),
    steps: usize,
    observer: &mut dyn Observer,
) -> Result<SpectrumEstimate, Error> {
    let operator = Watched::new(objective.curvature(w, curvature)?);
    let lanczos = LanczosSettings { steps, seed };
    let mut relay = relay(observer, Phase::Spectrum, Some(steps as u64));
    let control = &mut Control::new(&mut relay);
    let measured = SpectrumEstimate::measure(&operator, lanczos, control);
    operator.outcome(measured.map_err(interrupted))
}

/// A spectrum's error, with the observer's break told apart.
pub fn interrupted(error: SpectrumError) -> Error {
    match error {
        SpectrumError::Interrupted { .. } => Error::Interrupted {
            phase: Phase::Spectrum,
        },
        other => other.into(),
    }
}
