//! A request answered from what is kept of the records that stay.

use super::file::{factor_to_bytes, from_bytes, to_bytes};
use super::head::Head;
use super::make::{is_little_work, summed};
use super::{Remembered, key};
use crate::descent::ConvexSettings;
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::methods::{Kept, Task};
use crate::observer::{Observer, report};
use crate::phase::Phase;
use crate::training::convex_objective;
use rescind_data::Digest;

/// Share of G that is left for the computation's own rounding, as a descent leaves it.
const ROUNDING: f64 = 1e-3;
/// Share of G that a step by the kept curvature leaves of the gradient it knows.
const LEFT: f64 = 0.05;
/// Most gradients computed from the records before a descent takes over.
const GRADIENTS: u64 = 8;
/// What names of kept heads begin with.
pub(super) const HEAD: &str = "head-";
/// What names of kept factors begin with.
pub(super) const FACTOR: &str = "factor-";

/// Where a request led.
pub(crate) struct Answer {
    /// w, in binary64.
    pub weights: Vec<f64>,
    /// What `‖∇F_r(w)‖` is at most.
    pub gradient_norm: f64,
    /// Gradients that were computed from the records that stay.
    pub exact_gradients: u64,
}

/// Forgets by what was prepared. None where nothing is prepared for these weights and records, where
/// the records that go have left their source, or where what is kept no longer leads anywhere.
pub(crate) fn forget(
    task: &Task<'_>,
    w: &[f64],
    settings: &ConvexSettings,
    observer: &mut dyn Observer,
) -> Result<Option<Answer>, Error> {
    let Some(model) = task.model.fixed_features() else {
        return Ok(None);
    };
    let before = task.retained.len() + task.forget.len();
    let Some((mut head, factor)) = kept(task.kept, key(w, before), model) else {
        return Ok(None);
    };
    let going = task.forget.positions();
    let read = model
        .features(going)
        .and_then(|features| Ok((features, model.targets(going)?)));
    let (features, targets) = match read.map_err(Error::from) {
        Err(error) if error.is_of_gone_records() => return Ok(None),
        read => read?,
    };
    head.remove(&features, &targets);
    let small = settings.gradient_bound * (1.0 - ROUNDING);
    let places = model.places();
    let (mut exact_gradients, mut renewed) = (0, false);
    report(observer, Phase::Solve, 0, None)?;
    loop {
        renewed |= head.step(LEFT * settings.gradient_bound);
        if head.bound() <= small {
            break;
        }
        // The bound has run out: once through the records.
        if exact_gradients >= GRADIENTS {
            return Ok(None);
        }
        exact_gradients += 1;
        if is_little_work(task.retained.len(), model) {
            // The curvature is had again for little.
            head = summed(model, task.retained.positions(), &head)?;
            renewed = true;
        } else {
            let objective = convex_objective(task.model, task.retained, task.training, task.ball)?;
            let mut gradient = vec![0.0; w.len()];
            objective.exact_gradient(&moved(w, &places, &head, task), &mut gradient)?;
            let own: Vec<f64> = places.iter().map(|&place| gradient[place]).collect();
            head.set_gradient(&own);
        }
        report(observer, Phase::Solve, exact_gradients, None)?;
        if head.bound() <= small {
            break;
        }
    }
    let weights = moved(w, &places, &head, task);
    let gradient_norm = head.bound();
    let after = key(&weights, task.retained.len());
    let factor = match renewed {
        true => keep_factor(task.kept, &after, &head)?,
        false => factor,
    };
    keep(task.kept, after, &head, &factor, &key(w, before))?;
    remember(task.kept, after, head, factor);
    Ok(Some(Answer {
        weights,
        gradient_norm,
        exact_gradients,
    }))
}

/// w where the head is.
fn moved(w: &[f64], places: &[usize], head: &Head, task: &Task<'_>) -> Vec<f64> {
    let mut moved = w.to_vec();
    let centre = task.ball.centre();
    for (&place, v) in places.iter().zip(&head.weights) {
        moved[place] = v + centre.map_or(0.0, |centre| f64::from(centre[place]));
    }
    moved
}

/// The head that is kept for this, in memory or on disk, with the name of its factor.
fn kept(kept: &dyn Kept, key: Digest, model: &dyn FixedFeatures) -> Option<(Head, String)> {
    let fits = |head: &Head| {
        (head.loss, head.outputs, head.width) == (model.loss(), model.outputs(), model.width())
    };
    let remembered = kept.memory().and_then(|memory| {
        let memory = memory.lock().ok()?;
        let found: &Remembered = memory.as_ref()?.downcast_ref()?;
        (found.key == key).then(|| (found.head.clone(), found.factor.clone()))
    });
    let (head, factor) = remembered.or_else(|| {
        let mut name = String::new();
        let head = from_bytes(&kept.bytes(&named(HEAD, &key))?, |factor| {
            factor.clone_into(&mut name);
            kept.bytes(factor)
        });
        Some((head?, name))
    })?;
    fits(&head).then_some((head, factor))
}

/// Under what name something is kept.
pub(super) fn named(what: &str, key: &Digest) -> String {
    format!("{what}{}", &key.to_string()[..16])
}

/// Keeps the head's factor, and returns its name. Those that other heads may still need stay until
/// the model is prepared again.
pub(super) fn keep_factor(kept: &dyn Kept, key: &Digest, head: &Head) -> Result<String, Error> {
    let name = named(FACTOR, key);
    kept.keep(&name, &factor_to_bytes(&head.factor))?;
    Ok(name)
}

/// Keeps a head for later requests; the one before it stays until this one's request has been
/// recorded, and goes with the next.
pub(super) fn keep(
    kept: &dyn Kept,
    key: Digest,
    head: &Head,
    factor: &str,
    before: &Digest,
) -> Result<usize, Error> {
    let name = named(HEAD, &key);
    let bytes = to_bytes(head, factor)?;
    kept.keep(&name, &bytes)?;
    kept.discard_others(HEAD, &[&name, &named(HEAD, before)])?;
    Ok(bytes.len())
}

/// Keeps a head in memory too, where there is room for one.
pub(super) fn remember(kept: &dyn Kept, key: Digest, head: Head, factor: String) {
    if let Some(Ok(mut memory)) = kept.memory().map(|memory| memory.lock()) {
        *memory = Some(Box::new(Remembered { key, head, factor }));
    }
}
