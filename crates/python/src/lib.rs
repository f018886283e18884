//! The core of the Python package `rescind`: runs, driven here, of models that compute in Python.
//!
//! Vectors cross as `bytearray` of little-endian numbers, settings and answers as JSON: nothing of
//! numpy or torch is needed here. The package's Python part gives them their types.

mod bytes;
mod failure;
mod features;
mod fixed;
mod linear;
mod model;
mod progress;
mod reporting;
mod run;
mod verification;
mod worker;

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the command line `rescind` and returns its exit status. Ctrl-C stops it with its state saved.
#[pyfunction]
fn command(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| rescind_cli::run_inside(words, heard))
}

/// The same where the process is there for nothing else: a second Ctrl-C then ends it.
#[pyfunction]
fn main(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| rescind_cli::run(words))
}

/// Whether Ctrl-C was pressed, which Python's own handler has noted.
fn heard() -> bool {
    Python::attach(|py| py.check_signals().is_err())
}

/// Every code of an error: the code, its kind and its meaning.
#[pyfunction]
fn codes() -> Vec<(&'static str, &'static str, &'static str)> {
    let all = rescind::Code::ALL.iter();
    all.map(|code| (code.as_str(), failure::kind(*code), code.meaning()))
        .collect()
}

/// BLAKE3 in key-derivation mode: 32 bytes.
#[pyfunction]
fn digest(context: &str, content: &[u8]) -> [u8; 32] {
    blake3::derive_key(context, content)
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    rescind_data::silence_answered_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<run::Session>()?;
    module.add_class::<worker::Worker>()?;
    module.add_function(wrap_pyfunction!(command, module)?)?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(codes, module)?)?;
    module.add_function(wrap_pyfunction!(digest, module)?)?;
    module.add_function(wrap_pyfunction!(model::draw, module)?)?;
    module.add_function(wrap_pyfunction!(verification::verify, module)?)?;
    Ok(())
}
