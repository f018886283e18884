//! What must hold before noise is added.

use super::error::ReleaseError;
use super::order::{Ball, Basis};
use crate::certificate::{BallIdentity, BatchNorm, InputScaling, digest_of};
use rescind_network::Network;

/// Upper bounds on ‖w − c‖ and the public facts about the ball.
pub(super) fn check_ball(weights: &[f32], ball: &Ball<'_>) -> Result<BallIdentity, ReleaseError> {
    if let Some(centre) = ball.centre {
        check_vector("centre of the ball", centre, weights.len())?;
    }
    let distance = norm_above(weights.iter().enumerate().map(|(index, weight)| {
        f64::from(*weight) - ball.centre.map_or(0.0, |centre| f64::from(centre[index]))
    }));
    // Also refuses a radius that is not a number.
    if !(distance <= ball.radius && ball.radius.is_finite()) {
        return Err(ReleaseError::OutsideBall {
            distance,
            radius: ball.radius,
        });
    }
    let bytes = |centre: &[f32]| {
        centre
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let centre = ball.centre.unwrap_or_default();
    Ok(BallIdentity {
        radius: ball.radius,
        centre: ball.centre.map(|centre| digest_of(&bytes(centre))),
        largest_centre: centre
            .iter()
            .map(|value| f64::from(value.abs()))
            .fold(0.0, f64::max),
    })
}

/// The Euclidean norm in f64, raised by more than its rounding errors.
pub(crate) fn norm_above(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let roundings = values.len() as f64 + 8.0;
    let squares: f64 = values.map(|value| value * value).sum();
    squares.sqrt() * (1.0 + roundings * f64::EPSILON)
}

pub(super) fn check_vector(
    what: &'static str,
    values: &[f32],
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

/// Whatever no noise covers must not depend on forgotten records (THEORY §6).
pub(super) fn check_what_noise_leaves(basis: &Basis<'_>) -> Result<BatchNorm, ReleaseError> {
    if basis.data.input_scaling == InputScaling::FromRecords {
        return Err(ReleaseError::ScalingFromRecords);
    }
    match (basis.network.statistic_count(), &basis.statistics) {
        (0, _) => Ok(BatchNorm::None),
        (_, Some(_)) => Ok(BatchNorm::RecomputedAfterNoise),
        (_, None) => Err(ReleaseError::Statistics {
            reason: "no way to compute them was given".to_owned(),
        }),
    }
}

pub(super) fn non_smooth_layers(network: &Network) -> Vec<String> {
    network
        .non_smooth_layers()
        .into_iter()
        .map(str::to_owned)
        .collect()
}
