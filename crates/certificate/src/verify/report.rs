//! What came of a verification.

use crate::figures::upward;
use crate::printable::escaped;
use crate::record::Certificate;
use rescind_privacy::Gdp;
use rescind_privacy::sensitivity::GuaranteeKind;
use serde::Serialize;
use std::fmt;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The document can be read and has the fields of its version, no more and no less.
    Document,
    /// The signature.
    Signature,
    /// The key is the expected one.
    Key,
    /// Every derived figure follows from its inputs.
    Arithmetic,
    /// No fact contradicts another.
    Consistency,
    /// The run's ledger.
    Ledger,
    /// The released files.
    Files,
    /// The records and the commitments to them.
    Records,
    /// Norms and residuals computed again.
    Measurements,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// It could not be checked with the evidence given.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub subject: Subject,
    /// JSON pointer of the field, or the file; empty for the whole.
    pub field: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What holds, or why it does not.
    pub why: String,
}

/// What came of all checks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No check failed, and the key that was named signed.
    Holds,
    /// No check failed, but nobody said whose key must have signed: anybody may have.
    Consistent,
    /// A check failed.
    DoesNotHold,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "The certificate holds, and the key that was named signed it.",
            Self::Consistent => {
                "The certificate is consistent, but nobody you named signed it: anybody can make \
                 one that says the same of other weights. Give the signer's fingerprint, learned \
                 another way."
            }
            Self::DoesNotHold => "The certificate does NOT hold.",
        })
    }
}

/// What holds today for what a release was the first to cover: every later release of the same run
/// has weakened its promise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Today {
    /// How many releases held or hold it, this one included.
    pub releases: u64,
    /// ε of all of them together; none where no promise is left at this δ.
    pub epsilon: Option<f64>,
    /// At the certificate's δ.
    pub delta: f64,
    /// The weakest that one of them rests on.
    pub kind: GuaranteeKind,
    /// θ of all of them together.
    pub gdp: Gdp,
    /// Probability that a constant behind one of them is wrong.
    pub failure_probability: f64,
    /// Whether the noise of one of them came from a fixed seed: then nothing holds against anyone who
    /// knows it.
    pub insecure_noise: bool,
    /// Whether the run was moved or copied, on somebody's word that no other copy released anything.
    pub adopted: bool,
}

impl fmt::Display for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (releases, delta) = (self.releases, upward(self.delta));
        if self.insecure_noise {
            return write!(
                f,
                "given all {releases} release(s) since, nothing holds against anyone who knows the \
                 fixed seed that the noise of one of them came from."
            );
        }
        match self.epsilon {
            Some(epsilon) => write!(
                f,
                "given all {releases} release(s) since, epsilon = {} at delta = {delta} (kind: {}).",
                upward(epsilon),
                self.kind
            ),
            None => write!(
                f,
                "given all {releases} release(s) since, nothing is promised at delta = {delta}."
            ),
        }?;
        match self.adopted {
            true => write!(
                f,
                " That no other copy of the run released anything is somebody's word (rescind amend \
                 --adopt)."
            ),
            false => Ok(()),
        }
    }
}

/// All checks of a certificate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerificationReport {
    checks: Vec<Check>,
    today: Option<Today>,
    #[serde(skip)]
    certificate: Option<Certificate>,
}

impl VerificationReport {
    /// What came of it. The key was named by its fingerprint, or by the run it is of.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let named =
            |check: &Check| check.subject == Subject::Key && check.outcome == Outcome::Passed;
        match self.holds() {
            false => Verdict::DoesNotHold,
            true if self.checks.iter().any(named) => Verdict::Holds,
            true => Verdict::Consistent,
        }
    }

    /// What holds today, where the run's ledger was at hand.
    #[must_use]
    pub fn today(&self) -> Option<&Today> {
        self.today.as_ref()
    }

    /// The same report, with what holds today.
    #[must_use]
    pub fn with_today(self, today: Option<Today>) -> Self {
        Self { today, ..self }
    }

    /// What could not be checked, and why.
    pub fn unchecked(&self) -> impl Iterator<Item = &str> {
        let skipped = self.checks.iter();
        let skipped = skipped.filter(|check| check.outcome == Outcome::Skipped);
        skipped.map(|check| check.why.as_str())
    }

    /// Whether no check failed, whoever signed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failures().next().is_none()
    }

    /// Every check, in order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| matches!(check.outcome, Outcome::Failed { .. }))
    }

    /// The certificate, if it could be read. Rely on it only if the report [holds](Self::holds).
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }
}

impl fmt::Display for VerificationReport {
    /// A line for every check. What a file says is shown with control characters escaped, so that no
    /// file can add a line, or hide one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.outcome {
                Outcome::Passed => writeln!(f, "ok       {}", escaped(&check.why))?,
                Outcome::Skipped => {}
                Outcome::Failed { expected, found } => {
                    let [field, why, expected, found] =
                        [&check.field, &check.why, expected, found].map(|text| escaped(text));
                    writeln!(f, "FAILED   {field}: {why}")?;
                    writeln!(
                        f,
                        "           expected {expected}\n           found    {found}"
                    )?;
                }
            }
        }
        for why in self.unchecked() {
            writeln!(f, "NOT CHECKED  {}", escaped(why))?;
        }
        write!(f, "{}", self.verdict())
    }
}

/// Checks being collected.
#[derive(Debug, Default)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Passes with `why` if it holds; says nothing if not.
    pub fn passed_if(&mut self, holds: bool, subject: Subject, why: &str) {
        if holds {
            self.push(subject, String::new(), Outcome::Passed, why);
        }
    }

    /// A check that this evidence does not allow.
    pub fn skipped(&mut self, subject: Subject, why: &str) {
        self.push(subject, String::new(), Outcome::Skipped, why);
    }

    /// A check that failed.
    pub fn failed(
        &mut self,
        subject: Subject,
        field: impl Into<String>,
        expected: impl fmt::Display,
        found: impl fmt::Display,
        why: impl AsRef<str>,
    ) {
        let (expected, found) = (expected.to_string(), found.to_string());
        self.push(
            subject,
            field.into(),
            Outcome::Failed { expected, found },
            why.as_ref(),
        );
    }

    /// Passes with `why` if the two are equal.
    pub fn equal<T: PartialEq + fmt::Display>(
        &mut self,
        subject: Subject,
        field: &str,
        expected: T,
        found: T,
        why: &str,
    ) {
        if expected == found {
            self.push(subject, field.to_owned(), Outcome::Passed, why);
        } else {
            self.failed(subject, field, expected, found, format!("not so: {why}"));
        }
    }

    /// All of them.
    #[must_use]
    pub fn report(self, certificate: Option<Certificate>) -> VerificationReport {
        VerificationReport {
            checks: self.0,
            today: None,
            certificate,
        }
    }

    fn push(&mut self, subject: Subject, field: String, outcome: Outcome, why: &str) {
        self.0.push(Check {
            subject,
            field,
            outcome,
            why: why.to_owned(),
        });
    }
}
