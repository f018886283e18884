//! A request answered from what is kept of the records that stay.

use super::keeping::{HEAD, keep, keep_factor, kept, key, remember};
use crate::descent::ConvexSettings;
use crate::error::Error;
use crate::head::{Head, is_little_work, places, rows, summed};
use crate::methods::method::Task;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use crate::training::convex_objective;

/// Share of G that is left for the computation's own rounding, as a descent leaves it.
const ROUNDING: f64 = 1e-3;
/// Share of G that a step by the kept curvature leaves of the gradient it knows.
const LEFT: f64 = 0.05;
/// Most gradients computed from the records before a descent takes over.
const GRADIENTS: u64 = 8;

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
    if !task.kept.has_some(HEAD) {
        return Ok(None);
    }
    let before = key(model, w, &task.retained.union(task.forget)?)?;
    let Some((mut head, factor)) = kept(task.kept, before, model) else {
        return Ok(None);
    };
    let going = task.forget.positions();
    let (features, targets) = match rows(model, going) {
        Err(error) if error.is_of_gone_records() => return Ok(None),
        read => read?,
    };
    head.remove(&features, &targets);
    let small = settings.gradient_bound * (1.0 - ROUNDING);
    let places = places(model, w.len())?;
    let centre = |&place: &usize| {
        let centre = task.ball.centre();
        centre.map_or(0.0, |centre| f64::from(centre[place]))
    };
    let centre: Vec<f64> = places.iter().map(centre).collect();
    let (mut exact_gradients, mut renewed) = (0, false);
    report(observer, Phase::Solve, 0, None)?;
    loop {
        renewed |= head.step(LEFT * settings.gradient_bound, &centre);
        if head.bound() <= small {
            break;
        }
        // The bound has run out: once through the records.
        if exact_gradients >= GRADIENTS {
            return Ok(None);
        }
        exact_gradients += 1;
        task.load(observer)?;
        if is_little_work(task.retained.len(), model) {
            // The curvature is had again for little.
            head = match summed(model, task.retained.positions(), &head) {
                Err(Error::NotPrepared { .. }) => return Ok(None),
                head => head?,
            };
            renewed = true;
        } else {
            let objective = convex_objective(task.model, task.retained, task.training, task.ball)?;
            let mut gradient = vec![0.0; w.len()];
            objective.exact_gradient(&moved(w, &places, &head, &centre), &mut gradient)?;
            let own: Vec<f64> = places.iter().map(|&place| gradient[place]).collect();
            head.set_gradient(&own, objective.additions());
        }
        report(observer, Phase::Solve, exact_gradients, None)?;
        if head.bound() <= small {
            break;
        }
    }
    let weights = moved(w, &places, &head, &centre);
    let gradient_norm = head.bound();
    let after = key(model, &weights, task.retained)?;
    let factor = match renewed {
        true => keep_factor(task.kept, &after, &head)?.0,
        false => factor,
    };
    keep(task.kept, after, &head, &factor, &before)?;
    remember(task.kept, after, head, factor);
    Ok(Some(Answer {
        weights,
        gradient_norm,
        exact_gradients,
    }))
}

/// w where the head is.
fn moved(w: &[f64], places: &[usize], head: &Head, centre: &[f64]) -> Vec<f64> {
    let mut moved = w.to_vec();
    for ((&place, v), c) in places.iter().zip(&head.weights).zip(centre) {
        moved[place] = v + c;
    }
    moved
}
