//! Noisy fine-tuning on the retained records, and output perturbation, its case without a noisy
//! step (Koloskova et al., ICML 2025; docs/theory.md §4). Proved for any model and loss.
//!
//! What is here chooses settings, without a look at weights or records, and says what happens
//! between two additions of noise. The noise itself is the mechanism's to add.

mod bounds;
mod method;
mod report;
mod retained;
mod schedule;
mod settings;
mod steps;

pub use bounds::bound;
pub use method::{NoisyFinetune, OutputPerturbation};
pub use report::FinetuneReport;
pub use retained::{MinibatchGradients, Retained};
pub use schedule::{FinetuneSchedule, Surroundings};
pub use settings::FinetuneSettings;
pub use steps::NoisySteps;
