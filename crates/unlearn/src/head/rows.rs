//! What a model says of its records and weights, once it is found to fit.

use crate::error::Error;
use crate::features::FixedFeatures;
use crate::linearisation::Targets;
use crate::linearised::{check_len, fit};

/// Features, n × p, and targets of some records.
pub(crate) fn rows(
    model: &dyn FixedFeatures,
    records: &[usize],
) -> Result<(Vec<f32>, Targets), Error> {
    let features = model.features(records)?;
    check_len("features", features.len(), records.len() * model.width())?;
    let mut targets = model.targets(records)?;
    fit(&mut targets, records.len(), model.outputs(), model.loss())?;
    Ok((features, targets))
}

/// Where V is among so many weights, k × p.
pub(crate) fn places(model: &dyn FixedFeatures, weights: usize) -> Result<Vec<usize>, Error> {
    let places = model.places();
    check_len(
        "places of weights",
        places.len(),
        model.outputs() * model.width(),
    )?;
    match places.iter().find(|&&place| place >= weights) {
        Some(place) => Err(Error::Setting {
            setting: "a place of a weight",
            found: place.to_string(),
            expected: "a number below that of the weights",
        }),
        None => Ok(places),
    }
}
