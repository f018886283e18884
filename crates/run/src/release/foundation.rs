//! What must hold before noise is added.

use super::error::ReleaseError;
use super::order::{Ball, Basis};
use rescind_certificate::{BallIdentity, BatchNorm, InputScaling, digest_of};
use rescind_data::Digest;
use rescind_network::Scalar;
use rescind_unlearn::{ModelDescription, norm_above};

/// Upper bounds on ‖w − c‖ and the public facts about the ball.
pub(super) fn check_ball(
    model: &ModelDescription,
    weights: &[f64],
    ball: &Ball<'_>,
) -> Result<BallIdentity, ReleaseError> {
    if let Some(centre) = ball.centre {
        check_vector("centre of the ball", centre, weights.len())?;
    }
    let distance = norm_above(weights.iter().enumerate().map(|(index, weight)| {
        weight - ball.centre.map_or(0.0, |centre| f64::from(centre[index]))
    }));
    // Also refuses a radius that is not a number.
    if !(distance <= ball.radius && ball.radius.is_finite()) {
        return Err(ReleaseError::OutsideBall {
            distance,
            radius: ball.radius,
        });
    }
    let centre = ball.centre.unwrap_or_default();
    Ok(BallIdentity {
        radius: ball.radius,
        centre: ball.centre.map(centre_digest),
        seed: drawn_from(model, ball)?,
        largest_centre: centre
            .iter()
            .map(|value| f64::from(value.abs()))
            .fold(0.0, f64::max),
    })
}

/// What no noise covers is the centre's, which knows of no record.
pub(super) fn check_frozen(
    model: &ModelDescription,
    weights: &[f64],
    ball: &Ball<'_>,
) -> Result<(), ReleaseError> {
    let centre = |place: usize| ball.centre.map_or(0.0, |centre| f64::from(centre[place]));
    let moving = model.moving();
    let mut places = moving.others(weights.len());
    // To the last bit.
    let moved = places.find(|&place| (weights[place] - centre(place)).abs() > 0.0);
    match moved {
        None => Ok(()),
        Some(place) => Err(ReleaseError::Inconsistent {
            field: "model.json".to_owned(),
            found: weights[place].to_string(),
            expected: format!("{}, the centre's, in place {place}", centre(place)),
            why: "a tensor that is said to be frozen has moved".to_owned(),
        }),
    }
}

/// The digest of a centre: of its values as little-endian binary32.
pub(crate) fn centre_digest(centre: &[f32]) -> Digest {
    let bytes = centre.iter().flat_map(|value| value.to_le_bytes());
    digest_of(&bytes.collect::<Vec<u8>>())
}

/// The seed the centre is said to be drawn from, if JSON can hold it, once that is found true.
fn drawn_from(model: &ModelDescription, ball: &Ball<'_>) -> Result<Option<u64>, ReleaseError> {
    const MOST: u64 = 1 << 53;
    let Some(seed) = ball.seed.filter(|seed| *seed <= MOST) else {
        return Ok(None);
    };
    let drawn = centre_digest(&model.draw(seed));
    let found = ball.centre.map(centre_digest);
    match found == Some(drawn) {
        true => Ok(Some(seed)),
        false => Err(ReleaseError::Inconsistent {
            field: "/model/ball/seed".to_owned(),
            found: seed.to_string(),
            expected: "the seed from which the model's description draws the centre".to_owned(),
            why: "the centre is another".to_owned(),
        }),
    }
}

pub(super) fn check_vector(
    what: &'static str,
    values: &[impl Scalar],
    expected: usize,
) -> Result<(), ReleaseError> {
    let broken = values.iter().find(|value| !value.is_finite());
    let found = match broken {
        Some(value) => format!("{value} among them"),
        None if values.len() != expected => format!("{} numbers", values.len()),
        None => return Ok(()),
    };
    Err(ReleaseError::Vector {
        what,
        found,
        expected,
    })
}

/// Whatever no noise covers must not depend on forgotten records (docs/theory.md §6).
pub(super) fn check_what_noise_leaves(basis: &Basis<'_>) -> Result<BatchNorm, ReleaseError> {
    if basis.data.input_scaling == InputScaling::FromRecords {
        return Err(ReleaseError::ScalingFromRecords);
    }
    match (basis.model.statistic_count(), &basis.statistics) {
        (0, _) => Ok(BatchNorm::None),
        (_, Some(_)) => Ok(BatchNorm::RecomputedAfterNoise),
        (_, None) => Err(ReleaseError::Statistics {
            reason: "no way to compute them was given".to_owned(),
        }),
    }
}
