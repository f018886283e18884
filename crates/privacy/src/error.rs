//! What can be wrong with a request for privacy.

/// Why a privacy quantity, bound or noise could not be given.
///
/// Every message names the thing, what was found, what was expected and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivacyError {
    /// A number lies outside the range in which it means something.
    #[error("{quantity} is {found:?}, but must be {expected}; {advice}")]
    OutOfRange {
        /// What the number is.
        quantity: &'static str,
        /// The number given.
        found: f64,
        /// The range it must lie in.
        expected: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// δ is used up by the probability that a probabilistic constant is wrong.
    #[error(
        "delta is {delta:?}, but the constants of the bound may already fail with probability \
         {failure:?}; ask for a larger delta, or compute those constants with a smaller failure \
         probability"
    )]
    DeltaSpentOnFailures {
        /// The δ asked for.
        delta: f64,
        /// The summed failure probability.
        failure: f64,
    },
    /// A theorem was given the wrong set of constants.
    #[error(
        "the {theorem} bound needs the constants [{expected}], but was given [{found}]; {advice}"
    )]
    WrongConstants {
        /// The theorem's name.
        theorem: &'static str,
        /// The symbols it needs.
        expected: String,
        /// The symbols given.
        found: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// A constant's record is not what its symbol says it is.
    #[error("the constant {symbol} has an unusable {field} ({found:?}); {advice}")]
    BadConstant {
        /// The constant's symbol.
        symbol: &'static str,
        /// Which part of the record.
        field: &'static str,
        /// What was found there.
        found: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// A stated figure is not what its inputs give.
    #[error(
        "{what} is stated as {stated}, but its inputs give {recomputed}; do not rely on it: \
         recompute it, or ask whoever stated it"
    )]
    Misstated {
        /// The figure.
        what: &'static str,
        /// As stated.
        stated: String,
        /// As recomputed.
        recomputed: String,
    },
    /// Bounds that cannot be compared, or none at all, were offered as candidates.
    #[error("these bounds cannot be candidates for one release: {found}; {advice}")]
    BadCandidates {
        /// What is wrong with them.
        found: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// The operating system's random generator did not answer.
    #[error(
        "the operating system's random generator failed ({reason}); nothing was released: noise \
         from any other source would certify nothing"
    )]
    NoOperatingSystemRandomness {
        /// What the operating system said.
        reason: String,
    },
}

/// Refuses a number for which `valid` does not hold.
pub(crate) fn require(
    valid: bool,
    quantity: &'static str,
    found: f64,
    expected: &'static str,
    advice: &'static str,
) -> Result<(), PrivacyError> {
    if valid {
        Ok(())
    } else {
        Err(PrivacyError::OutOfRange {
            quantity,
            found,
            expected,
            advice,
        })
    }
}
