use crate::console::Console;
use crate::exit::{Failure, Status};
use clap::Args;
use rescind::verify::{Check, Evidence, VerificationReport, verify, verify_run};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// Check a certificate
///
/// Alone, a certificate is checked for edits, for its signature, and for every figure following
/// from its inputs. With --run, also against the ledger, the released files, the records and the
/// private weights it came from. Ends with exit status 4 if any check fails.
#[derive(Args)]
#[command(after_help = "Example: rescind verify run/releases/000001/certificate.json --run run")]
pub struct Verify {
    /// A certificate.json
    certificate: PathBuf,

    /// The run it is from: checks ledger, files, configuration, private state, records and key, and
    /// computes norms and residuals again. Nothing is written: a copy that nobody can write will do
    #[arg(long)]
    run: Option<PathBuf>,

    /// Fingerprint of the key that must have signed, learned another way than with the certificate
    #[arg(long, value_name = "WORDS")]
    fingerprint: Option<String>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    holds: bool,
    statement: Option<String>,
    fingerprint: Option<&'a str>,
    checks: &'a [Check],
    #[serde(skip)]
    report: &'a VerificationReport,
}

impl Verify {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let bytes = fs::read(&self.certificate).map_err(|error| {
            Failure::io(&self.certificate, format_args!("cannot be read: {error}"))
        })?;
        let report = match &self.run {
            Some(run) => verify_run(&bytes, run, self.fingerprint)?,
            None => {
                let fingerprint = self.fingerprint;
                let evidence = Evidence {
                    fingerprint,
                    ..Evidence::default()
                };
                verify(&bytes, &evidence)
            }
        };
        let certificate = report.certificate();
        console.print(&Verdict {
            holds: report.holds(),
            statement: certificate.map(rescind::certificate::statement),
            fingerprint: certificate.map(|certificate| certificate.key.fingerprint.as_str()),
            checks: report.checks(),
            report: &report,
        })?;
        Ok(match report.holds() {
            true => Status::Done,
            false => Status::NotVerified,
        })
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.report)?;
        let (true, Some(statement), Some(fingerprint)) =
            (self.holds, &self.statement, self.fingerprint)
        else {
            return Ok(());
        };
        writeln!(f, "\n{statement}\n\nSigned with the key {fingerprint}.")
    }
}
