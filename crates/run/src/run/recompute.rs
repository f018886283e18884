//! What a certificate quotes, computed again.

use super::{Run, StateRecord};
use crate::error::Error;
use rescind_certificate::verify::Recomputed;
use rescind_data::{ReloadError, Selection};
use rescind_unlearn::methods::{MethodChoice, Task};
use rescind_unlearn::training::TrainingState;

/// An iterate and the one before it.
struct Pair {
    before: Option<TrainingState>,
    record: StateRecord,
    after: TrainingState,
}

impl Run {
    /// Computes again, in double precision, what the certificate of a release quotes from records
    /// and private weights: for [`verify`](crate::verify::verify).
    ///
    /// # Errors
    /// [`Error::IterateGone`] unless the private weights of the release are kept.
    pub fn recompute(&self, release: u64) -> Result<Recomputed, Error> {
        let pair = self.iterate_of(release)?;
        let (setup, record) = (&self.setup, &pair.record);
        let retained = self.retained_after(record.answered)?;
        let mut recomputed = Recomputed {
            records: false,
            retained: retained.len() as u64,
            distance_from_centre: setup.ball.distance(&pair.after.weights.parameters),
            gradient_norm_before: None,
            gradient_norm_after: None,
            residual: None,
            theorem_residual: None,
        };
        if self.model_is_absent() {
            return Ok(recomputed);
        }
        // Those that stay today: what was forgotten since may have left the source.
        match setup.model.prepare(&self.retained, &mut ()) {
            Err(rescind_unlearn::Error::Reload(ReloadError::Data(_))) => return Ok(recomputed),
            read => read?,
        }
        recomputed.records = true;
        let answered = self.answer(record.answered)?;
        // Inputs scaled by later constants would give other numbers.
        let same_inputs = record.scaling.as_ref() == setup.model.scaling();
        let Some(answered) = answered.filter(|_| same_inputs) else {
            return Ok(recomputed);
        };
        let choice = MethodChoice::named(&answered.method.method);
        let kept = setup.kept();
        let task = Task {
            model: &*setup.model,
            // What was before may be gone: the gradient at the weights after needs it not.
            state: pair.before.as_ref().unwrap_or(&pair.after),
            forget: &answered.forgotten,
            retained: &retained,
            validation: &setup.split.validation,
            training: &setup.settings.training,
            ball: &setup.ball,
            noise: None,
            inputs_moved: false,
            kept: &kept,
        };
        let again = choice
            .method()?
            .recompute(&task, &pair.after, &answered.method);
        let again = match again {
            // Records that were forgotten since, or all of them, are no longer at hand.
            Err(rescind_unlearn::Error::Reload(ReloadError::Data(_))) => return Ok(recomputed),
            Err(error) if error.is_of_gone_records() => return Ok(recomputed),
            again => again?,
        };
        recomputed.gradient_norm_after = again.gradient_norm_after;
        if pair.before.is_some() {
            recomputed.gradient_norm_before = again.gradient_norm_before;
            recomputed.residual = again.residual;
            recomputed.theorem_residual = again.theorem_residual;
        }
        Ok(recomputed)
    }

    /// The records that stayed after so many requests.
    pub(crate) fn retained_after(&self, answered: u64) -> Result<Selection, Error> {
        let mut retained = self.setup.split.train.clone();
        for request in self.answers()? {
            if request.number <= answered {
                retained = retained.difference(&request.forgotten)?;
            }
        }
        Ok(retained)
    }

    /// The iterate that the ledger names for a release.
    pub(crate) fn iterate(&self, release: u64) -> Result<(StateRecord, TrainingState), Error> {
        let pair = self.iterate_of(release)?;
        Ok((pair.record, pair.after))
    }

    /// The same and the iterate before it.
    fn iterate_of(&self, release: u64) -> Result<Pair, Error> {
        let gone = || Error::IterateGone { release };
        let history = self.ledger.history();
        let named = history
            .releases()
            .find(|row| row.number == release)
            .ok_or_else(gone)?
            .state;
        let (store, model) = (&self.setup.store, self.setup.model.description());
        let mut previous = None;
        for number in store.numbers()? {
            if store.digest_of(number)? == named {
                let before = match previous {
                    Some(number) => store.read(model, Some(number))?,
                    None => None,
                };
                let found = store.read(model, Some(number))?;
                let (record, after) = found.ok_or_else(gone)?;
                let before = before.map(|(_, state)| state);
                return Ok(Pair {
                    before,
                    record,
                    after,
                });
            }
            previous = Some(number);
        }
        Err(gone())
    }
}
