//! What a step did to what the model says.

use crate::error::Error;
use crate::request::Effect;
use rescind_data::Selection;
use rescind_network::Weights;
use rescind_unlearn::{EvaluationSet, Measured, Model, Observer};

/// How the forgotten and the test records fare before and after, each with the model that its weights were
/// trained in. Of records that the step did without nothing is said: nobody reads them only to tell.
///
/// # Errors
/// What the models meet.
pub(super) fn effect(
    before: (&dyn Model, &Weights<f32>),
    after: (&dyn Model, &Weights<f32>),
    (forget, retained): (&Selection, &Selection),
    observer: &mut dyn Observer,
) -> Result<Option<Effect>, Error> {
    if !after.0.has_read() {
        return Ok(None);
    }
    before.0.prepare(retained, observer)?;
    let before = measured(before, forget, observer)?;
    let after = measured(after, forget, observer)?;
    Ok(before.zip(after).map(|(before, after)| Effect {
        forgotten_before: before.0,
        forgotten_after: after.0,
        test_before: before.1,
        test_after: after.1,
    }))
}

/// How a model does on some training records and on the test records, if it can tell.
fn measured(
    (model, weights): (&dyn Model, &Weights<f32>),
    on: &Selection,
    observer: &mut dyn Observer,
) -> Result<Option<(Measured, Measured)>, Error> {
    let mut measure = |on: EvaluationSet<'_>| {
        let measured = model.measure(&weights.parameters, &weights.statistics, on, observer);
        measured.map_err(rescind_unlearn::Error::from)
    };
    // Nothing is said of records that have left their source.
    let records = measure(EvaluationSet::Records(on))?.filter(|done| done.records > 0);
    Ok(records.zip(measure(EvaluationSet::Test)?))
}
