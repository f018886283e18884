//! What can be computed again from records and private weights.

use super::report::{Checks, Subject};
use crate::record::Certificate;
use rescind_data::Digest;

/// Quantities computed again, in f64, from a run's records and private state, as by
/// recomputing a release of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Recomputed {
    /// Root of the manifest of the records at hand.
    pub manifest: Digest,
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

/// What was computed again from records and private weights comes out the same.
pub fn repeat(certificate: &Certificate, recomputed: Option<&Recomputed>, checks: &mut Checks) {
    let subject = Subject::Measurements;
    let Some(recomputed) = recomputed else {
        checks.skipped(
            subject,
            "norms and residual: computing them again takes the run's records",
        );
        return;
    };
    let (data, method) = (&certificate.data, &certificate.method);
    let why = "the records at hand are those of the manifest";
    checks.equal(
        Subject::Records,
        "/data/manifest",
        recomputed.manifest,
        data.manifest,
        why,
    );
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
    // A distance that is not a number is not inside.
    let inside = distance <= radius;
    checks.passed_if(inside, subject, "the un-noised weights lie in the ball");
    if !inside {
        let (expected, why) = (
            format!("at most {radius}"),
            "the weights lie outside the ball",
        );
        checks.failed(subject, "/model/ball/radius", expected, distance, why);
    }
    let mut same = |field: &str, again: Option<f64>, stated: Option<f64>, scale: f64| {
        let Some(stated) = stated else { return };
        match again {
            Some(again) if (again - stated).abs() <= TOLERANCE * again.abs() + 1e-12 * scale => {
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
    let (before, after) = (method.gradient_norm_before, method.gradient_norm_after);
    let scale = before.unwrap_or(0.0);
    let again = recomputed;
    same(
        "/method/gradient_norm_before",
        again.gradient_norm_before,
        before,
        scale,
    );
    same(
        "/method/gradient_norm_after",
        again.gradient_norm_after,
        after,
        scale,
    );
    if let Some(solve) = &method.solve {
        let (stated, scale) = (solve.residual, solve.right_hand_side);
        same("/method/solve/residual", again.residual, stated, scale);
        let stated = solve.theorem_residual;
        same(
            "/method/solve/theorem_residual",
            again.theorem_residual,
            stated,
            scale,
        );
    }
}
