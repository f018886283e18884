//! Noisy fine-tuning and output perturbation.

mod asking;
#[path = "../common/mod.rs"]
mod common;
mod requests;
mod steps;
