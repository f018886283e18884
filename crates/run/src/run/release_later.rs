//! Releasing what was forgotten before.

use super::Run;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::release::{PrivateWeights, ReleaseOrder, Released, release};
use crate::request::{Answered, ReleaseChoice};
use rescind_certificate::{Measurements, MethodFacts, MethodReported, SolveFacts};
use rescind_privacy::sensitivity::SensitivityBound;
use rescind_unlearn::Observer;
use rescind_unlearn::methods::MethodChoice;
use rescind_unlearn::training::TrainingState;

impl Run {
    /// Releases the private weights as they are: the release covers every request that none
    /// covers yet. No request is made, and no record is looked at but for batch-norm statistics.
    ///
    /// # Errors
    /// [`ReleaseError::NothingPending`](crate::release::ReleaseError::NothingPending); what the
    /// release meets.
    pub fn release(
        &mut self,
        choice: &ReleaseChoice,
        _observer: &mut dyn Observer,
    ) -> Result<Released, Error> {
        self.trained()?;
        let last = self.ledger.history().pending().last().map(|r| r.number);
        let Some(last) = last else {
            return Err(crate::release::ReleaseError::NothingPending.into());
        };
        self.setup.check_classes(&self.retained)?;
        let answered = self.answer(last)?.ok_or(Error::OpenAgain)?;
        let (setup, ledger, key) = (&self.setup, &mut self.ledger, &self.key);
        let Some((record, state)) = &self.current else {
            return Err(Error::OpenAgain);
        };
        let digest = setup.store.digest_of(record.number)?;
        let unchanged = ledger.history().last_request().map(|r| r.state) == Some(digest);
        let reported = answered.reported();
        let (candidates, method) = match unchanged {
            true => (answered.bounds.clone(), reported),
            // Training went on from there: its own bounds hold, and what was measured of the step
            // is no longer so.
            false => (
                self.setup.bounds_of_training(self.retained.len())?,
                MethodReported {
                    measured: Measurements {
                        gradient_norm_before: None,
                        gradient_norm_after: None,
                        solve: None,
                        ..reported.measured
                    },
                    ..reported
                },
            ),
        };
        let mut statistics = |w: &[f32]| {
            let computed = setup.statistics_on(&self.retained, w);
            computed.map_err(|error| error.to_string())
        };
        let order = ReleaseOrder {
            basis: setup.basis(choice, &self.retained, None, &mut statistics),
            state: digest,
            weights: private_weights(state),
            candidates,
            method,
        };
        release(order, ledger, key).map_err(|error| self.released_but(last, error.into()))
    }

    /// An error of making a release, as one of a release that stands where the ledger has it.
    fn released_but(&self, last: u64, error: Error) -> Error {
        let root = &self.setup.root;
        let stands = Ledger::open_decided(root)
            .is_ok_and(|ledger| ledger.is_some_and(|ledger| ledger.history().pending().is_empty()));
        match stands {
            true => Error::Answered {
                path: root.clone(),
                number: last,
                source: Box::new(error),
            },
            false => error,
        }
    }
}

impl super::setup::Setup {
    /// Bounds for weights that training itself led to.
    pub(super) fn bounds_of_training(
        &self,
        retained: usize,
    ) -> Result<Vec<SensitivityBound>, Error> {
        let training = MethodChoice::named("retrain").method()?;
        let promise = training.promise(&self.public(None, retained, 0)?)?;
        Ok(promise.bounds)
    }
}

/// The weights as precisely as they are known.
pub(super) fn private_weights(state: &TrainingState) -> PrivateWeights {
    match &state.exact {
        Some(exact) => PrivateWeights::exact(exact.clone()),
        None => PrivateWeights::new(state.weights.parameters.clone()),
    }
}

impl Answered {
    /// What a certificate says of the method, and what its evidence does.
    pub(super) fn reported(&self) -> MethodReported {
        let report = &self.method;
        MethodReported {
            facts: MethodFacts {
                name: report.method.clone(),
                settings: report.settings.clone(),
            },
            measured: Measurements {
                training_finished: self.training_finished,
                seconds: self.seconds,
                gradient_norm_before: report.gradient_norm_before,
                gradient_norm_after: report.gradient_norm_after,
                solve: report.solve.as_ref().map(|solve| SolveFacts {
                    solver: solve.solver.clone(),
                    ending: solve.ending.clone(),
                    products: solve.products,
                    residual: solve.residual,
                    right_hand_side: solve.right_hand_side,
                    theorem_residual: solve.theorem_residual,
                }),
                details: report.details.clone(),
            },
        }
    }
}
