//! Reports and pages say what was measured, whatever there is.

mod attacks;
mod checks;
#[path = "../common/mod.rs"]
mod common;
mod comparisons;
mod runs;
mod worst;
