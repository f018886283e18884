//! Strongly convex objectives, minimised until the gradient is small: training and forgetting are
//! the same descent from different starts, and both ends lie close to the one minimum (docs/theory.md §3).

mod minimiser;
mod point;
mod settings;

pub use minimiser::Minimiser;
pub use point::Effort;
pub use settings::ConvexSettings;
