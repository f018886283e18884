//! Minima of squared errors, by their normal equations.

use super::{GROUP, MOST_BYTES, Sums, coupling, memory, places};
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use crate::precision::widened;
use rescind_curvature::Coupling;
use rescind_data::Selection;

/// Features for every output beyond which a descent takes less: about 200 products with the curvature,
/// in binary32, where sums over all pairs of features are in binary64.
const MOST_FEATURES: usize = 2000;

/// Where the gradient over these records vanishes but for rounding: one pass over the records, and one factorisation (docs/theory.md §10.1). None where the loss
/// is no squared error, or where a descent is the better way.
///
/// # Errors
/// What the model meets; [`Error::Interrupted`].
pub(crate) fn minimum(
    model: &dyn FixedFeatures,
    on: &Selection,
    penalty: f64,
    centre: &[f32],
    observer: &mut dyn Observer,
) -> Result<Option<Vec<f64>>, Error> {
    let (outputs, width, coupling) = (model.outputs(), model.width(), coupling(model.loss()));
    let fits = memory(outputs, width, coupling).is_some_and(|bytes| bytes <= MOST_BYTES);
    if coupling != Coupling::Shared || !fits || width / MOST_FEATURES >= outputs {
        return Ok(None);
    }
    let mut w = widened(centre);
    let places = places(model, w.len())?;
    let origin: Vec<f64> = places.iter().map(|&at| w[at]).collect();
    let zero = vec![0.0; outputs * width];
    let positions = on.positions();
    let total = Some(positions.len() as u64);
    let mut sums = Sums::new(model);
    for group in positions.chunks(GROUP) {
        report(observer, Phase::Precondition, sums.done as u64, total)?;
        sums.add(model, group, &zero)?;
    }
    report(observer, Phase::Precondition, sums.done as u64, total)?;
    // A curvature that rounding has taken away is no matter for a descent.
    let Ok(mut head) = sums.head(model, penalty, zero) else {
        return Ok(None);
    };
    head.step(0.0, &origin);
    for (&place, (v, origin)) in places.iter().zip(head.weights.iter().zip(&origin)) {
        w[place] = v + origin;
    }
    Ok(w.iter().all(|w| w.is_finite()).then_some(w))
}
