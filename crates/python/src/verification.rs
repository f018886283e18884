//! Checking certificates.

use crate::failure::raise;
use pyo3::prelude::*;
use rescind::verify::{Evidence, Verdict, verify as alone, verify_run};
use std::path::PathBuf;

/// Checks a certificate: the verdict (`holds`, `consistent` or `does-not-hold`), what `rescind
/// verify` would print, and what was not checked.
#[pyfunction]
#[pyo3(signature = (certificate, fingerprint, run, beside))]
pub fn verify(
    py: Python<'_>,
    certificate: &[u8],
    fingerprint: Option<String>,
    run: Option<PathBuf>,
    beside: Option<PathBuf>,
) -> PyResult<(&'static str, String, Vec<String>)> {
    let bytes = certificate.to_vec();
    let checked = py.detach(|| {
        let evidence = Evidence {
            fingerprint,
            beside,
            ..Evidence::default()
        };
        match run {
            Some(run) => verify_run(&bytes, &run, evidence),
            None => Ok(alone(&bytes, &evidence)),
        }
    });
    let report = checked.map_err(|error| raise(py, error))?;
    let verdict = match report.verdict() {
        Verdict::Holds => "holds",
        Verdict::Consistent => "consistent",
        Verdict::DoesNotHold => "does-not-hold",
    };
    let unchecked = report.unchecked().map(str::to_owned).collect();
    Ok((verdict, report.to_string(), unchecked))
}
