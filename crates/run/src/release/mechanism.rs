//! The mechanism: noise once, and then the release.

use super::decision::{Decision, NoiseLimit};
use super::error::ReleaseError;
use super::foundation::check_vector;
use super::noised::Noised;
use super::noising::noised;
use super::order::ReleaseOrder;
use super::released::{Released, Step};
use crate::key::RunKey;
use crate::ledger::Ledger;
use rescind_certificate::{BoundChoice, FollowedBy, TermsError, largest_weight};
use rescind_privacy::sensitivity::{SensitivityBound, Theorem};

/// Adds noise to private weights and releases them with their certificate.
///
/// Everything that can be refused is refused before anything is written. Then the release is
/// staged, recorded in one transaction of the ledger (from that moment it is made), and put in its
/// place; [`recover`](crate::ledger::recover) finishes or removes what a crash interrupts.
///
/// # Errors
/// [`ReleaseError::Refused`] if (ε, δ) was asked for and σ√d ≥ ‖w‖, unless the noise was accepted;
/// [`ReleaseError::Budget`]; [`ReleaseError::OutsideBall`]; and others that say what to mend.
pub fn release(
    order: ReleaseOrder<'_>,
    ledger: &mut Ledger,
    key: &RunKey,
) -> Result<Released, ReleaseError> {
    release_in_steps(order, ledger, key, &mut |_| Ok(()))
}

/// The same, telling `observe` of every step as it ends.
pub(super) fn release_in_steps(
    order: ReleaseOrder<'_>,
    ledger: &mut Ledger,
    key: &RunKey,
    observe: &mut dyn FnMut(Step) -> Result<(), ReleaseError>,
) -> Result<Released, ReleaseError> {
    let ReleaseOrder {
        basis,
        state,
        weights,
        candidates,
        method,
    } = order;
    check_vector("weights", weights.values(), basis.model.parameters())?;
    for theorem in candidates.iter().map(SensitivityBound::theorem) {
        if let Theorem::NoisyFineTuning | Theorem::OutputPerturbation = theorem {
            return Err(TermsError::OtherMechanism { theorem }.into());
        }
    }
    let limit = NoiseLimit::of(&basis.noise, basis.accept_noise, false);
    let limit = (limit, None);
    let values = weights.values();
    let (rough, statistics) = (
        basis.model.smoothness.rough_parts(),
        basis.model.statistic_count() as u64,
    );
    let decided = BoundChoice::of(&method.facts, &rough, statistics);
    let candidates = (candidates, decided);
    let decision = Decision::new(basis, ledger.history(), values, candidates, limit)?;
    observe(Step::Decided)?;
    let largest = largest_weight(&decision.ball);
    let (private, sigma) = (weights.into_values(), decision.terms.sigma);
    let mut source = decision.noise_source(ledger, &private, largest, &())?;
    let moving = decision.basis.model.moving();
    let centre = decision.basis.ball.centre;
    let centre = centre.map_or_else(|| vec![0.0; private.len()], <[f32]>::to_vec);
    let weights = (&*private, &moving);
    let (noised, report) = noised(&mut source, sigma, largest, weights, centre)?;
    let nothing = FollowedBy::Nothing;
    Noised::new(decision, noised, report, largest, nothing)?.release_in_steps(
        ledger,
        key,
        (state, method),
        observe,
    )
}
