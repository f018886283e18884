//! Ways to forget: from the private weights to new ones, with bounds on how far they are from what
//! retraining would give.

pub mod convex;
pub mod finetune;
pub mod newton;
