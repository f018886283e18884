//! How close a model is to one retrained on the same records (docs/theory.md §7).

mod closeness;
mod cost;
mod outputs;
mod relearn;

pub use closeness::{Scores, agreement, divergence};
pub use cost::{Clock, PhaseCost, products};
pub use outputs::{Outputs, OutputsError};
pub use relearn::{Relearn, RelearnTask, relearn};
