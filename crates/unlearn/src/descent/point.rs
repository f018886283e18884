//! A point of a descent, and what getting there has cost.

use crate::error::Error;
use crate::objective::Objective;
use rescind_curvature::norm;
use serde::{Deserialize, Serialize};

/// What a descent has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// Rounds of conjugate gradients, each with a preconditioner of its own or none.
    pub steps: u64,
    /// Directions gone: each takes a product with the Jacobian and one with its transpose, in
    /// binary32.
    pub products: u64,
    /// Preconditioners made of the Jacobian's rows, each for about such a pair of products.
    pub preconditioners: u64,
    /// Gradients over all records, in binary32.
    pub gradients: u64,
    /// Gradients over all records, in binary64.
    pub exact_gradients: u64,
}

/// A point and what is known there.
pub(super) struct Point {
    pub w: Vec<f64>,
    pub gradient: Vec<f64>,
    pub norm: f64,
    /// Absent where the gradient was had without it.
    pub loss: Option<f64>,
    pub exact: bool,
    /// A bound on what rounding did to the gradient, where its norm is as small as asked for.
    pub rounding: f64,
}

impl Point {
    pub fn unknown(w: Vec<f64>) -> Self {
        let (gradient, norm) = (Vec::new(), f64::INFINITY);
        Point {
            w,
            gradient,
            norm,
            loss: None,
            exact: false,
            rounding: f64::INFINITY,
        }
    }
}

/// The gradient at w, in binary64.
pub(super) fn evaluate(
    objective: &dyn Objective,
    w: Vec<f64>,
    effort: &mut Effort,
) -> Result<Point, Error> {
    let mut gradient = vec![0.0; w.len()];
    effort.exact_gradients += 1;
    let loss = objective.exact_gradient(&w, &mut gradient)?;
    Ok(Point {
        norm: norm(&gradient),
        w,
        gradient,
        loss: Some(loss),
        exact: true,
        rounding: f64::INFINITY,
    })
}
