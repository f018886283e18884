//! Tests of the whole crate against dense answers built independently of it.

mod dense;
mod endings;
mod lissa;
mod operators;
mod preconditioners;
mod rows;
mod solvers;
mod spectrum;
