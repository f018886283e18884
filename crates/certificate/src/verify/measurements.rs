//! What can be computed again from records and private weights.

use super::report::{Checks, Subject};
use crate::arithmetic::comes_from_records;
use crate::consistency::measured_contradictions;
use crate::evidence::EvidenceRecord;
use crate::record::Certificate;
use rescind_data::Digest;
use rescind_privacy::sensitivity::{Symbol, Theorem};

/// Quantities computed again, in f64, from a run's records and private state, as by
/// recomputing a release of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Recomputed {
    /// Whether the records that stay were read, and found to be those of the run's manifest.
    pub records: bool,
    /// Records trained on after the request.
    pub retained: u64,
    /// ‖w − c‖ of the un-noised weights.
    pub distance_from_centre: f64,
    /// ‖∇F_r‖ at the weights before.
    pub gradient_norm_before: Option<f64>,
    /// ‖∇F_r‖ at the un-noised weights.
    pub gradient_norm_after: Option<f64>,
    /// Residual of the system solved, where the weights before and after tell the step.
    pub residual: Option<f64>,
    /// Residual of the theorem's system.
    pub theorem_residual: Option<f64>,
}

/// Another machine may sum in another order.
const TOLERANCE: f64 = 1e-6;

/// The measurements kept of a release are its own, and none contradicts the certificate; `document`
/// is the digest of the certificate's file.
pub fn evidence_fits(
    certificate: &Certificate,
    evidence: &EvidenceRecord,
    document: Digest,
    checks: &mut Checks,
) {
    let subject = Subject::Measurements;
    let (of, stated) = (evidence.certificate, document);
    let why = "the measurements kept are those of this certificate";
    checks.equal(subject, "evidence.json", stated, of, why);
    let found = measured_contradictions(certificate, evidence);
    let why = "the certificate quotes what was measured, and no more";
    checks.passed_if(found.is_empty(), subject, why);
    for contradiction in found {
        checks.failed(
            subject,
            contradiction.field,
            contradiction.expected,
            contradiction.found,
            contradiction.why,
        );
    }
}

/// What was computed again from records and private weights comes out the same as it was measured.
pub fn repeat(
    certificate: &Certificate,
    evidence: Option<&EvidenceRecord>,
    recomputed: Option<&Recomputed>,
    checks: &mut Checks,
) {
    let subject = Subject::Measurements;
    quoted(certificate, recomputed.is_some(), checks);
    let Some(recomputed) = recomputed else {
        checks.skipped(
            subject,
            "norms and residual: computing them again takes the run's records",
        );
        return;
    };
    let data = &certificate.data;
    let why = "the records at hand are those of the manifest";
    checks.passed_if(recomputed.records, Subject::Records, why);
    if !recomputed.records {
        let why = "the records: those that stay cannot be read where they were, or need the model's own \
                   code";
        checks.skipped(Subject::Records, why);
    }
    let why = "as many records are retained as stated";
    checks.equal(
        Subject::Records,
        "/data/retained",
        recomputed.retained,
        data.retained,
        why,
    );

    let (radius, distance) = (
        certificate.model.ball.radius,
        recomputed.distance_from_centre,
    );
    let noised = certificate.binding().is_some_and(|bound| {
        let noisy = [Theorem::NoisyFineTuning, Theorem::OutputPerturbation];
        noisy.contains(&bound.theorem)
    });
    // A distance that is not a number is not inside. What is kept after noise within the method is
    // noised: that the weights before lay in the ball is how noise was added.
    let inside = distance <= radius;
    checks.passed_if(
        inside && !noised,
        subject,
        "the un-noised weights lie in the ball",
    );
    if !inside && !noised {
        let (expected, why) = (
            format!("at most {radius}"),
            "the weights lie outside the ball",
        );
        checks.failed(subject, "/model/ball/radius", expected, distance, why);
    }
    let same =
        |checks: &mut Checks, field: &str, again: Option<f64>, stated: Option<f64>, scale: f64| {
            let Some(stated) = stated else { return };
            match again {
                Some(again)
                    if (again - stated).abs() <= TOLERANCE * again.abs() + 1e-12 * scale =>
                {
                    checks.passed_if(true, subject, &format!("{field} comes out the same"));
                }
                Some(again) => {
                    let why = "computed again, it is another number";
                    checks.failed(subject, field, again, stated, why);
                }
                None => {
                    let why = format!("{field}: the run no longer has what it takes");
                    checks.skipped(subject, &why);
                }
            }
        };
    let Some(evidence) = evidence else {
        checks.skipped(
            subject,
            "norms and residual: the run keeps no evidence of the release",
        );
        return;
    };
    let (measured, again) = (&evidence.measured, recomputed);
    let (before, after) = (measured.gradient_norm_before, measured.gradient_norm_after);
    let scale = before.unwrap_or(0.0);
    let field = "/measured/gradient_norm_before";
    same(checks, field, again.gradient_norm_before, before, scale);
    let field = "/measured/gradient_norm_after";
    // What was answered from prepared sums states a bound, anything else the norm itself.
    let bounded = measured.details.get("prepared") == Some(&true.into());
    match (again.gradient_norm_after, after) {
        (Some(again), Some(most)) if bounded => at_most(field, again, most, checks),
        (again, stated) => same(checks, field, again, stated, scale),
    }
    let convex = certificate.binding().map(|bound| bound.theorem) == Some(Theorem::StronglyConvex);
    let reached = certificate.method.number("/gradient_bound");
    if let (true, Some(again), Some(most)) = (convex, again.gradient_norm_after, reached) {
        at_most("/method/settings/gradient_bound", again, most, checks);
    }
    if let Some(solve) = &measured.solve {
        let (stated, scale) = (solve.residual, solve.right_hand_side);
        let field = "/measured/solve/residual";
        same(checks, field, again.residual, stated, scale);
        let (stated, again) = (solve.theorem_residual, again.theorem_residual);
        let field = "/measured/solve/theorem_residual";
        same(checks, field, again, stated, scale);
    }
}

/// A gradient computed again is no larger than this.
fn at_most(field: &str, again: f64, most: f64, checks: &mut Checks) {
    let subject = Subject::Measurements;
    let holds = again <= most * (1.0 + TOLERANCE);
    checks.passed_if(holds, subject, &format!("{field} comes out no larger"));
    if !holds {
        let (expected, why) = (format!("at most {most}"), "computed again, it is larger");
        checks.failed(subject, field, expected, again, why);
    }
}

/// Names every constant that the promise quotes from measurements and that nobody computes again.
fn quoted(certificate: &Certificate, recomputed: bool, checks: &mut Checks) {
    let Some(bound) = certificate.binding() else {
        return;
    };
    let again = |symbol| recomputed && matches!(symbol, Symbol::Residual | Symbol::GradientNorm);
    let constants = bound.constants.iter();
    for constant in constants.filter(|constant| comes_from_records(constant.provenance())) {
        let (symbol, value) = (constant.symbol(), constant.value());
        if !again(symbol) {
            let meaning = symbol.meaning();
            let why = format!(
                "{symbol} = {value} ({meaning}), which the promise rests on: it was not computed again"
            );
            checks.skipped(Subject::Measurements, &why);
        }
    }
}
