//! Ways to forget: from the private weights to new ones, with bounds on how far they are from what
//! retraining would give. A method is one file (or folder) here and one row of [`TABLE`].

mod choice;
pub mod descent;
mod diameter;
mod method;
pub mod newton;
pub mod noisy;
mod report;
pub mod retrain;
pub mod rewind;
mod suits;
mod table;
mod task;

pub use choice::MethodChoice;
pub use diameter::diameter;
pub use method::{
    AccuracyForecast, Checkpoint, Forecast, Kept, Memory, Method, NoisyProcess, Outcome, Outlook,
    Promise, Public, Recomputed, Speed, Step, Task, members,
};
pub use report::{MethodReport, SolveReport};
pub use suits::check_suits;
pub use table::{Entry, TABLE, entry, names, suited_to};
