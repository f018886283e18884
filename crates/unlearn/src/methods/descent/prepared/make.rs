//! Preparing a model: summing up all its records, once.

use super::keeping::{FACTOR, PARTIAL, keep, keep_factor, key, named, remember};
use crate::ball::Ball;
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::head::{
    GROUP, MOST_BYTES, Sums, can_be_prepared, coupling, memory, not_prepared, places,
};
use crate::methods::method::Kept;
use crate::model::Model;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use crate::training::{TrainingEnding, TrainingSettings, TrainingState, convex_objective};
use rescind_curvature::{Coupling, norm};
use rescind_data::{Digest, Selection};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long work is done before it is kept, so that it is not lost.
const SITTING: Duration = Duration::from_secs(30);

/// What preparing came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Preparation {
    /// Records that were summed.
    pub records: usize,
    /// Features of each, a constant included.
    pub features: usize,
    /// Outputs.
    pub outputs: usize,
    /// Bytes that are kept.
    pub bytes: usize,
    /// What the gradient's norm is at most.
    pub gradient_norm: f64,
}

/// Sums up the records that stay, at the weights of a trained model, so that requests are answered
/// from their own records ([`Kept`] has the sums from then on). Broken off, it goes on where it
/// stood.
///
/// # Errors
/// [`Error::NotPrepared`] for a model that is not linear in fixed features, one that is not trained,
/// or one that needs too much memory; what the model meets; [`Error::Interrupted`].
pub fn prepare(
    model: &dyn Model,
    (state, retained): (&TrainingState, &Selection),
    (training, ball): (&TrainingSettings, &Ball),
    kept: &dyn Kept,
    observer: &mut dyn Observer,
) -> Result<Preparation, Error> {
    let features = model.fixed_features();
    let features = features.filter(|features| can_be_prepared(features.loss()));
    let features = features.ok_or_else(|| {
        not_prepared(
            "only models that are linear in features which no weight changes can be prepared: \
             heads, and tangent models of a single layer",
        )
    })?;
    let trained = matches!(
        state.progress.ending,
        Some(TrainingEnding::GradientReached { .. })
    );
    let Some(w) = state.exact.as_ref().filter(|_| trained) else {
        return Err(not_prepared("the model is not trained to its end yet"));
    };
    let (outputs, width, loss) = (features.outputs(), features.width(), features.loss());
    let needed = memory(outputs, width, coupling(loss));
    if needed.is_none_or(|bytes| bytes > MOST_BYTES) {
        let needs = needed.map_or("more memory than there is".to_owned(), |bytes| {
            format!("{} MiB", bytes >> 20)
        });
        return Err(not_prepared(&format!(
            "{outputs} outputs of {width} features need {needs}, of at most {} MiB: there, requests \
             go on by descending{}",
            MOST_BYTES >> 20,
            match coupling(loss) {
                Coupling::Full => ". Squared error (--loss squared-error) needs far less",
                Coupling::Shared | Coupling::Diagonal => "",
            }
        )));
    }
    let places = places(features, w.len())?;
    let centre = |place: usize| ball.centre().map_or(0.0, |centre| f64::from(centre[place]));
    let mut frozen = vec![true; w.len()];
    places.iter().for_each(|&place| frozen[place] = false);
    let still = |place: usize| !frozen[place] || (w[place] - centre(place)).abs() <= 0.0;
    if !(0..w.len()).all(still) {
        return Err(not_prepared("weights that the features rest on have moved"));
    }
    let v: Vec<f64> = places.iter().map(|&at| w[at] - centre(at)).collect();

    let key = key(features, w, retained)?;
    let positions = retained.positions();
    let mut sums = begun(kept, &key, features).unwrap_or_else(|| Sums::new(features));
    let mut kept_at = Instant::now();
    let total = Some(positions.len() as u64);
    while sums.done < positions.len() {
        report(observer, Phase::Precondition, sums.done as u64, total)?;
        let group = &positions[sums.done..positions.len().min(sums.done + GROUP)];
        sums.add(features, group, &v)?;
        if kept_at.elapsed() > SITTING {
            kept.keep(&named(PARTIAL, &key), &sums.to_bytes())?;
            kept_at = Instant::now();
        }
    }
    report(observer, Phase::Precondition, sums.done as u64, total)?;
    let head = sums.head(features, training.penalty, v)?;
    if model.linearisation().is_some() {
        // An outside model says twice what its outputs are: both must be the same.
        let mut gradient = vec![0.0; w.len()];
        let objective = convex_objective(model, retained, training, ball)?;
        objective.exact_gradient(w, &mut gradient)?;
        let own: Vec<f64> = places.iter().map(|&place| gradient[place]).collect();
        places.iter().for_each(|&place| gradient[place] = 0.0);
        if !head.has(&own) || norm(&gradient) > 0.0 {
            return Err(not_prepared(
                "the gradient made of its features is another than that of its outputs: they are \
                 not features times weights, or not of these numbers to the last digit",
            ));
        }
    }
    let (name, factor) = keep_factor(kept, &key, &head)?;
    let bytes = factor + keep(kept, key, &head, &name, &key)?;
    kept.discard_others(FACTOR, &[&name])?;
    kept.discard_others(PARTIAL, &[])?;
    let made = Preparation {
        records: head.records,
        features: width,
        outputs,
        bytes,
        gradient_norm: head.bound(),
    };
    remember(kept, key, head, name);
    Ok(made)
}

/// What an earlier call did of it.
fn begun(kept: &dyn Kept, key: &Digest, model: &dyn FixedFeatures) -> Option<Sums> {
    let bytes = kept.bytes(&named(PARTIAL, key))?;
    Sums::from_bytes(&bytes, model)
}
