//! The four numbers of a Gaussian release, as types that cannot be swapped.

use serde::{Deserialize, Serialize};

use crate::error::{PrivacyError, require};
use crate::rounding;

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $what:literal, $valid:expr, $expected:literal, $advice:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Accepts a number within the range of the type.
            ///
            /// # Errors
            /// [`PrivacyError::OutOfRange`] for anything else, NaN included.
            pub fn new(value: f64) -> Result<Self, PrivacyError> {
                let valid: fn(f64) -> bool = $valid;
                require(valid(value), $what, value, $expected, $advice)?;
                Ok(Self(value))
            }

            /// The number.
            #[must_use]
            pub fn value(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = PrivacyError;

            fn try_from(value: f64) -> Result<Self, PrivacyError> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(quantity: $name) -> f64 {
                quantity.0
            }
        }
    };
}

quantity!(
    /// The privacy loss ε: finite and at least 0.
    Epsilon,
    "epsilon",
    |v| v.is_finite() && v >= 0.0,
    "a finite number, at least 0",
    "typical promises lie between 0.1 and 10"
);

quantity!(
    /// What δ adds to a probability that [`Epsilon`] has multiplied: above 0, at most 1. It is not the
    /// probability with which e^ε is exceeded, which is larger.
    ///
    /// The least value is the smallest normal `f64`, about 2.2e-308.
    Delta,
    "delta",
    |v| (f64::MIN_POSITIVE..=1.0).contains(&v),
    "between 2.3e-308 and 1",
    "choose a probability well below one over the number of records, such as 1e-5"
);

quantity!(
    /// The greatest L2 distance Δ between the two outcomes that noise must hide: 1e-150 to 1e150.
    Sensitivity,
    "the sensitivity",
    |v| (1e-150..=1e150).contains(&v),
    "between 1e-150 and 1e150",
    "check the bound that it was computed from"
);

quantity!(
    /// The standard deviation σ of the noise on every coordinate: 1e-150 to 1e150.
    NoiseScale,
    "the noise scale sigma",
    |v| (1e-150..=1e150).contains(&v),
    "between 1e-150 and 1e150",
    "check sigma, or the sensitivity and promise that it was computed from"
);

impl Delta {
    /// The δ left for the mechanism once the constants it rests on may fail with `failure`.
    ///
    /// Rounded down. If the failing event is independent of the other party's run, a mechanism
    /// that is (ε, δ)-indistinguishable outside the event is (ε, δ + failure)-indistinguishable
    /// with it, in both directions.
    ///
    /// # Errors
    /// [`PrivacyError::DeltaSpentOnFailures`] if nothing is left, or `failure` is not a probability.
    pub fn less_failure(self, failure: f64) -> Result<Self, PrivacyError> {
        let spent = PrivacyError::DeltaSpentOnFailures {
            delta: self.0,
            failure,
        };
        if !(0.0..1.0).contains(&failure) {
            return Err(spent);
        }
        let left = if failure > 0.0 {
            (self.0 - failure).next_down()
        } else {
            self.0
        };
        Self::new(left).map_err(|_| spent)
    }

    /// This δ with the probability that its constants fail added: rounded up, at most 1.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] if `failure` is not a probability.
    pub fn plus_failure(self, failure: f64) -> Result<Self, PrivacyError> {
        require(
            (0.0..=1.0).contains(&failure),
            "the failure probability",
            failure,
            "between 0 and 1",
            "use the probability with which the constants may be wrong",
        )?;
        let total = if failure > 0.0 {
            (self.0 + failure).next_up()
        } else {
            self.0
        };
        Ok(Self(total.min(1.0)))
    }

    /// A computed upper bound on δ, brought into range from below.
    pub(crate) fn from_upper_bound(value: f64) -> Self {
        Self(value.clamp(f64::MIN_POSITIVE, 1.0))
    }
}

impl Sensitivity {
    /// A distance computed in a few roundings, rounded up: a theorem's raw value, however small.
    ///
    /// # Errors
    /// [`PrivacyError::OutOfRange`] if it is NaN or beyond 1e150.
    pub(crate) fn rounded_up(value: f64) -> Result<Self, PrivacyError> {
        let up = rounding::up(value);
        Self::new(if up < 1e-150 { 1e-150 } else { up })
    }
}
