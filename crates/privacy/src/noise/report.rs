//! What was done when noise was added.

use serde::{Deserialize, Serialize};

use super::grid::Grid;
use crate::quantity::NoiseScale;

/// Where the seed of the noise came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The operating system's generator: nobody knows it but who can read the un-noised weights.
    OperatingSystem,
    /// A fixed seed: the release certifies nothing against anyone who knows or guesses it.
    InsecureSeed,
}

/// What a release's noise was, for its certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseReport {
    /// Where the noise came from.
    pub origin: Origin,
    /// Its standard deviation on every coordinate.
    pub sigma: NoiseScale,
    /// The grid every released number lies on.
    pub grid: Grid,
    /// How many numbers were released.
    pub count: usize,
    /// How many of them lay beyond the grid's limit and were brought back to it. Anyone can count
    /// them in the release. More than a few mean that the bound on the weights was wrong, which
    /// costs accuracy, not privacy.
    pub clamped: usize,
}
