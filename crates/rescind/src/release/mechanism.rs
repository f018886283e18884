//! The mechanism: noise once, and then the release.

use super::decision::{Decision, Judged};
use super::error::ReleaseError;
use super::foundation::check_vector;
use super::noised::Noised;
use super::noising::noised;
use super::order::{Basis, ReleaseOrder};
use super::weights::ReleasedWeights;
use crate::certificate::{Certificate, FollowedBy, TermsError, largest_weight};
use crate::key::RunKey;
use rescind_privacy::sensitivity::{SensitivityBound, Theorem};
use std::path::PathBuf;

/// A release that is on disk and in the ledger.
#[derive(Debug)]
pub struct Released {
    /// Its folder, `releases/NNNNNN`.
    pub folder: PathBuf,
    /// What was released.
    pub weights: ReleasedWeights,
    /// What is promised.
    pub certificate: Certificate,
}

/// Moments of a release between which a crash must leave nothing half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Decided,
    KeyMade,
    Noised,
    OpeningWritten,
    Staged,
    Committed,
    Published,
}

/// Adds noise to private weights and releases them with their certificate.
///
/// Everything that can be refused is refused before anything is written. Then the release is
/// staged, recorded in one transaction of the ledger (from that moment it is made), and put in its
/// place; [`recover`](crate::ledger::recover) finishes or removes what a crash interrupts.
///
/// # Errors
/// [`ReleaseError::Refused`] if (ε, δ) was asked for and σ√d ≥ ‖w‖, unless the noise was accepted;
/// [`ReleaseError::Budget`]; [`ReleaseError::OutsideBall`]; and others that say what to mend.
pub fn release(order: ReleaseOrder<'_>) -> Result<Released, ReleaseError> {
    release_in_steps(order, &mut |_| Ok(()))
}

/// The same, telling `observe` of every step as it ends.
pub(super) fn release_in_steps(
    order: ReleaseOrder<'_>,
    observe: &mut dyn FnMut(Step) -> Result<(), ReleaseError>,
) -> Result<Released, ReleaseError> {
    let ReleaseOrder {
        run,
        state,
        network,
        linearised,
        weights,
        ball,
        candidates,
        noise,
        insecure_noise_seed,
        statistics,
        budget,
        request,
        data,
        method,
    } = order;
    check_vector("weights", weights.values(), network.parameter_count())?;
    for theorem in candidates.iter().map(SensitivityBound::theorem) {
        if let Theorem::NoisyFineTuning | Theorem::OutputPerturbation = theorem {
            return Err(TermsError::OtherMechanism { theorem }.into());
        }
    }
    let basis = Basis {
        run,
        network,
        linearised,
        ball,
        noise,
        insecure_noise_seed,
        statistics,
        budget,
        request,
        data,
    };
    let decision = Decision::new(basis, weights.values(), candidates, Judged::ByNoise)?;
    observe(Step::Decided)?;
    let key = RunKey::of(run)?;
    observe(Step::KeyMade)?;

    let largest = largest_weight(&decision.ball);
    let (private, sigma) = (weights.into_values(), decision.terms.sigma);
    let (noised, report) = noised(&mut decision.noise_source()?, sigma, largest, &private)?;
    let nothing = FollowedBy::Nothing;
    Noised::new(decision, key, noised, report, largest, nothing)?
        .release_in_steps(state, method, observe)
}
