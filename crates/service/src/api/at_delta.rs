//! At which delta promises are stated.

use super::problem::Problem;
use rescind::Code;
use rescind_privacy::Delta;
use serde::Deserialize;
use utoipa::IntoParams;

/// Where nobody says another.
const USUAL: f64 = 1e-5;

/// At which delta.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AtDelta {
    /// The delta at which promises are stated, above 0 and below 1; 1e-5 if absent.
    #[param(exclusive_minimum = 0.0, exclusive_maximum = 1.0)]
    pub delta: Option<f64>,
}

impl AtDelta {
    /// It, found to be in its range.
    pub fn delta(self) -> Result<Delta, Problem> {
        let delta = Delta::new(self.delta.unwrap_or(USUAL));
        delta.map_err(|error| Problem::new(Code::Setting, error.to_string()))
    }
}
