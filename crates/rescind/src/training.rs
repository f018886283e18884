//! Training within a ball: the algorithm `A` whose outcome is handed to unlearning, and the one
//! that retraining repeats without the forgotten records (THEORY §0).

mod ball;
mod convex;
mod optimiser;
mod schedule;
mod settings;
mod state;
mod trainer;

pub use ball::Ball;
pub use convex::ConvexTrainer;
pub use optimiser::Optimiser;
pub use schedule::Schedule;
pub use settings::TrainingSettings;
pub use state::{EpochReport, TrainingEnding, TrainingProgress, TrainingState};
pub use trainer::Trainer;

pub(crate) use convex::{convex_objective, convex_settings, narrowed, widened};

use crate::Error;

/// An error about `setting` unless `valid`.
pub(crate) fn require(
    valid: bool,
    setting: &'static str,
    found: f64,
    expected: &'static str,
) -> Result<(), Error> {
    if valid {
        Ok(())
    } else {
        Err(Error::Setting {
            setting,
            found: found.to_string(),
            expected,
        })
    }
}
