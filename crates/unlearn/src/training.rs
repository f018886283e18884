//! Training within a ball: the algorithm `A` whose outcome is handed to unlearning, and the one
//! that retraining repeats without the forgotten records (docs/theory.md §0).

mod convex;
mod optimiser;
mod schedule;
mod settings;
mod state;
mod trainer;

pub use convex::ConvexTrainer;
pub use optimiser::Optimiser;
pub use schedule::Schedule;
pub use settings::TrainingSettings;
pub use state::{TrainingEnding, TrainingProgress, TrainingState};
pub use trainer::Trainer;

pub use convex::{convex_objective, convex_settings};
