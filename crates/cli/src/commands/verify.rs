use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::file;
use clap::Args;
use rescind::certificate::reading;
use rescind::verify::{Check, Evidence, Today, Verdict, VerificationReport, verify, verify_run};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// Check a certificate
///
/// A certificate is checked for edits, for its signature, for every figure following from its inputs
/// and for a theorem that fits the method; so are the files beside it. With --run, also the ledger,
/// the records and the private weights it came from. Exit status 0: it holds and the key you named
/// (by --fingerprint, or that of the run) signed; 5: it is consistent, but you named nobody; 4: it
/// does not hold. What could not be checked is listed.
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
struct Verified<'a> {
    verdict: Verdict,
    statement: Option<String>,
    today: Option<&'a Today>,
    fingerprint: Option<&'a str>,
    checks: &'a [Check],
    unchecked: Vec<&'a str>,
    #[serde(skip)]
    reading: Vec<(&'static str, String)>,
    #[serde(skip)]
    report: &'a VerificationReport,
}

impl Verify {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let bytes = file::read(&self.certificate)?;
        let beside = self.certificate.parent().unwrap_or(Path::new(""));
        let evidence = Evidence {
            fingerprint: self.fingerprint,
            beside: Some(beside.to_owned()),
            ..Evidence::default()
        };
        let report = match &self.run {
            Some(run) => verify_run(&bytes, run, evidence)?,
            None => verify(&bytes, &evidence),
        };
        let certificate = report.certificate();
        // What a certificate says that does not hold is nobody's promise.
        let believed = certificate.filter(|_| report.holds());
        let said = believed.map(|certificate| reading(certificate, report.today()));
        console.print(&Verified {
            verdict: report.verdict(),
            today: report.today(),
            statement: believed.map(rescind::certificate::statement),
            fingerprint: certificate.map(|certificate| certificate.key.fingerprint.as_str()),
            checks: report.checks(),
            unchecked: report.unchecked().collect(),
            reading: said.unwrap_or_default(),
            report: &report,
        })?;
        Ok(match report.verdict() {
            Verdict::Holds => Status::Done,
            Verdict::Consistent => Status::Unnamed,
            Verdict::DoesNotHold => Status::NotVerified,
        })
    }
}

impl fmt::Display for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.report)?;
        let (Some(fingerprint), true) = (self.fingerprint, self.report.holds()) else {
            return Ok(());
        };
        writeln!(f)?;
        for (label, text) in &self.reading {
            writeln!(f, "{label}: {text}\n")?;
        }
        writeln!(f, "Signed with the key {fingerprint}.")
    }
}
