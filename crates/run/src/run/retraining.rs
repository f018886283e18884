//! Retraining in a folder of its own, going on where it was broken off.

use super::store::{StateRecord, Store};
use super::training::{Training, checkpoint};
use crate::error::Error;
use rescind_unlearn::Observer;
use rescind_unlearn::training::TrainingState;

/// Trains as `training` says, in this store, going on where it was broken off. `fresh` is the
/// record of a training that begins.
pub(super) fn retrained(
    store: Store,
    training: Training<'_>,
    fresh: StateRecord,
    observer: &mut dyn Observer,
) -> Result<TrainingState, Error> {
    let description = training.model.description();
    store.sweep()?;
    store.remove_superseded()?;
    let found = store.read(description, None)?;
    let (mut record, mut state) = match found.filter(|(found, _)| found.retained == fresh.retained)
    {
        Some((_, state)) if state.progress.ending.is_some() => return Ok(state),
        Some(begun) => begun,
        None => {
            for number in store.numbers()? {
                store.remove(number)?;
            }
            (fresh, training.start()?)
        }
    };
    let mut save =
        |state: &TrainingState| checkpoint(&store, description, &mut record, state, None);
    training.run(&mut state, &mut save, observer)?;
    Ok(state)
}
