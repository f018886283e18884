//! Weights that may leave, and weights that may not.

use std::fmt;

/// Un-noised parameters. They do not implement `Clone` or show their values in `Debug`, and only
/// [`release()`](super::release()) turns them into something that may be handed out.
#[derive(PartialEq)]
pub struct PrivateWeights(Vec<f64>);

impl PrivateWeights {
    /// The flat parameter vector of a model.
    #[must_use]
    pub fn new(parameters: Vec<f32>) -> Self {
        Self(parameters.into_iter().map(f64::from).collect())
    }

    /// The same in binary64, for bounds that rounding to binary32 would break.
    #[must_use]
    pub fn exact(parameters: Vec<f64>) -> Self {
        Self(parameters)
    }

    /// The parameters, for computing with them.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The parameters by value, to go on training from.
    #[must_use]
    pub fn into_values(self) -> Vec<f64> {
        self.0
    }
}

impl fmt::Debug for PrivateWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateWeights({} parameters)", self.0.len())
    }
}

/// Noised parameters, with batch-norm statistics recomputed for them. Only
/// [`release()`](super::release()) makes them.
///
/// ```compile_fail
/// use rescind_run::release::ReleasedWeights;
/// let forged = ReleasedWeights { parameters: vec![0.0], statistics: vec![] };
/// ```
#[derive(Debug, PartialEq)]
pub struct ReleasedWeights {
    parameters: Vec<f32>,
    statistics: Vec<f32>,
}

impl ReleasedWeights {
    pub(super) fn new(parameters: Vec<f32>, statistics: Vec<f32>) -> Self {
        Self {
            parameters,
            statistics,
        }
    }

    /// The noised flat parameter vector.
    #[must_use]
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Batch-norm statistics; empty without batch norm.
    #[must_use]
    pub fn statistics(&self) -> &[f32] {
        &self.statistics
    }
}
