//! Gaussian noise fit for a release: where it comes from, and the grid it is rounded to.

mod grid;
mod normal;
mod report;
mod source;

pub use grid::{Grid, ReleaseFormat};
pub use report::{NoiseReport, Origin};
pub use source::NoiseSource;
