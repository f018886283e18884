//! What preparing a model would take, from a few records that are summed up.

use crate::ball::Ball;
use crate::error::Error;
use crate::head::{
    GROUP, MOST_BYTES, Sums, can_be_prepared, coupling, is_little_work, memory, places,
};
use crate::model::Model;
use crate::training::TrainingState;
use rescind_curvature::{BlockFactor, Coupling};
use rescind_data::Selection;
use std::time::Instant;

/// What preparing a model would take, and a request once it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PreparingForecast {
    /// Seconds of preparing.
    pub seconds: f64,
    /// Seconds that a request for a few records computes, once it is done.
    pub request: f64,
    /// Bytes that would be kept.
    pub bytes: usize,
    /// Whether requests stay exact, so that none ever goes through the records that stay.
    pub exact: bool,
}

/// What reading records adds to summing them up.
const READING: f64 = 1.5;
/// Bytes of a head that are copied, hashed and written in a second.
const BYTES_A_SECOND: f64 = 4e8;
/// Corrections of a step by a kept factor, each a product with it and one with the curvature.
const CORRECTIONS: f64 = 6.0;
/// The share of requests that take a pass over the records, and what a gradient in binary64 takes for
/// every weight and record.
const OFTEN: f64 = 0.5;
const GRADIENT: f64 = 8.0;

/// What it would take; nothing where the model cannot be prepared.
///
/// # Errors
/// What the model meets.
pub fn preparing_forecast(
    model: &dyn Model,
    (state, retained): (&TrainingState, &Selection),
    ball: &Ball,
) -> Result<Option<PreparingForecast>, Error> {
    let features = model.fixed_features();
    let Some(features) = features.filter(|features| can_be_prepared(features.loss())) else {
        return Ok(None);
    };
    let (outputs, width, loss) = (features.outputs(), features.width(), features.loss());
    let needed = memory(outputs, width, coupling(loss));
    let Some(w) = &state.exact else {
        return Ok(None);
    };
    if needed.is_none_or(|bytes| bytes > MOST_BYTES) {
        return Ok(None);
    }
    let centre = |place: usize| ball.centre().map_or(0.0, |centre| f64::from(centre[place]));
    let places = places(features, w.len())?;
    let v: Vec<f64> = places.iter().map(|&at| w[at] - centre(at)).collect();
    let positions = retained.positions();
    let some = &positions[..positions.len().min(GROUP)];
    let mut sums = Sums::new(features);
    sums.add(features, some, &v)?;
    let began = Instant::now();
    sums.add(features, some, &v)?;
    let record = began.elapsed().as_secs_f64() / some.len().max(1) as f64;

    let pairs = coupling(loss).count(outputs).unwrap_or(usize::MAX) as f64;
    let (k, p) = (outputs as f64, width as f64);
    let exact = coupling(loss) == Coupling::Shared;
    let speed = p * p * (pairs + f64::from(u8::from(!exact))) / record;
    let factor = match coupling(loss) {
        Coupling::Full => (k * p).powi(3) / 3.0,
        Coupling::Shared => p.powi(3) / 3.0,
        Coupling::Diagonal => k * p.powi(3) / 3.0,
    };
    let blocks = pairs * p * p / 2.0 * if exact { 8.0 } else { 4.0 };
    let moments = if exact { 0.0 } else { 4.0 * p * p };
    let kept = blocks + moments;
    let of_factor = BlockFactor::bytes(outputs, width, coupling(loss)).unwrap_or(0) as f64;
    let keeping = (kept + of_factor) / BYTES_A_SECOND;
    let step = CORRECTIONS * (kept + of_factor) / 4.0 / speed;
    let n = positions.len() as f64;
    let seconds = READING * n * record + factor / speed + keeping;
    // Now and then the bound runs out.
    let pass = match exact {
        true => 0.0,
        false if is_little_work(positions.len(), features) => seconds,
        false => OFTEN * n * GRADIENT * k * p / speed,
    };
    Ok(Some(PreparingForecast {
        seconds,
        request: step + pass + kept / BYTES_A_SECOND,
        bytes: (kept + of_factor) as usize,
        exact,
    }))
}
