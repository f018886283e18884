//! That no fact contradicts another.

use super::report::{Checks, Subject};
use crate::consistency::contradictions;
use crate::record::Certificate;

/// Every contradiction is a failed check. That days are right, and that the program said did what it
/// is said to have done, is nothing that facts can show.
pub fn facts_agree(certificate: &Certificate, checks: &mut Checks) {
    let found = contradictions(certificate);
    checks.passed_if(
        found.is_empty(),
        Subject::Consistency,
        "no fact contradicts another",
    );
    for contradiction in found {
        checks.failed(
            Subject::Consistency,
            contradiction.field,
            contradiction.expected,
            contradiction.found,
            contradiction.why,
        );
    }
    // Clocks jump, so that a release may even be dated before its request.
    checks.skipped(
        Subject::Consistency,
        "the days of requests and release: they are what the signer's clock said",
    );
    checks.skipped(
        Subject::Consistency,
        "that this program ran, and on these records alone: it is the signer's word",
    );
}
