//! The model, the ball around its weights, and what kind of model it is.

use super::collector::Collector;
use crate::facts::InputScaling;
use crate::identity::BatchNorm;
use crate::record::Certificate;
use std::f64::consts::LN_2;

/// What a last layer trained on a frozen backbone is called.
const HEAD: &str = "head";
/// What a linearised network is called.
const TANGENT: &str = "tangent";

/// Whether this program computes with models of this kind itself.
pub fn is_own(kind: &str) -> bool {
    [HEAD, TANGENT, "network"].contains(&kind)
}

/// Whether the outputs are linear in the weights, so that the loss is convex in them.
pub fn is_convex(certificate: &Certificate) -> bool {
    certificate.model.linearised || certificate.model.kind == HEAD
}

/// The facts about the model agree.
pub fn agrees(certificate: &Certificate, all: &mut Collector) {
    let model = &certificate.model;
    let batch_norm = if model.statistics > 0 {
        BatchNorm::RecomputedAfterNoise
    } else {
        BatchNorm::None
    };
    all.require(
        model.batch_norm == batch_norm,
        "/model/batch_norm",
        format!("{:?}", model.batch_norm),
        format!("{batch_norm:?}"),
        "statistics carry no noise and must be recomputed after it",
    );
    let ball = &model.ball;
    let valid = ball.radius.is_finite() && ball.radius > 0.0;
    all.require(
        valid,
        "/model/ball/radius",
        ball.radius,
        "above 0",
        "it is a radius",
    );
    all.require(
        ball.centre.is_some() || model.kind != TANGENT,
        "/model/linearised",
        true,
        "false without a centre",
        "a model is linearised at the centre of its ball",
    );
    all.require(
        ball.centre.is_some() || ball.seed.is_none(),
        "/model/ball/seed",
        ball.seed.unwrap_or_default(),
        "null without a centre",
        "it is the seed of the centre",
    );
    let valid = ball.largest_centre.is_finite()
        && ball.largest_centre >= 0.0
        && (ball.centre.is_some() || ball.largest_centre <= 0.0);
    all.require(
        valid,
        "/model/ball/largest_centre",
        ball.largest_centre,
        "at least 0, and 0 at the origin",
        "it is the greatest coordinate of the centre",
    );
    all.require(
        model.linearised == (model.kind == TANGENT) || !is_own(&model.kind),
        "/model/linearised",
        model.linearised,
        model.kind == TANGENT,
        "of the models that this program computes with, tangent models alone are linearised",
    );
    let frozen = model.frozen;
    all.require(
        frozen < model.parameters && (frozen == 0 || ball.centre.is_some()),
        "/model/frozen",
        frozen,
        "fewer than there are parameters, and 0 without a centre",
        "something is noised, and what is not is the centre's",
    );
    all.require(
        frozen == 0 || model.kind == HEAD,
        "/model/frozen",
        frozen,
        0,
        "a head's backbone alone stays: of any other model all parameters are noised",
    );
    if is_convex(certificate) {
        convex(certificate, all);
    }
}

/// What the program asks of a convex model before it trains one.
fn convex(certificate: &Certificate, all: &mut Collector) {
    let (model, data) = (&certificate.model, &certificate.data);
    all.require(
        model.ball.centre.is_some() || model.kind != HEAD,
        "/model/ball/centre",
        "the origin",
        "a centre",
        "a head stands on a backbone, which is part of the centre",
    );
    all.require(
        data.input_scaling != InputScaling::FromRetained || model.kind != HEAD,
        "/data/input_scaling",
        "from_retained",
        "none or constants",
        "a frozen backbone would have other features after every request",
    );
    all.require(
        model.statistics == 0,
        "/model/statistics",
        model.statistics,
        0,
        "a convex model has no batch norm, whose statistics would make it another function",
    );
    let penalty = certificate.method.number("/penalty");
    let radius = model.ball.radius;
    // The least of two classes, the fewest there are, without a gradient (docs/theory.md §3). An
    // outside model may have another loss, which its declaration answers for.
    let least = penalty.map(|penalty| (2.0 * LN_2 / penalty).sqrt());
    all.require(
        least.is_some_and(|least| radius >= least || !is_own(&model.kind)),
        "/model/ball/radius",
        radius,
        match least {
            Some(least) => format!("at least {least}"),
            None => "one that the method's penalty proves, but it states none".to_owned(),
        },
        "nothing but its penalty keeps a convex model in a ball",
    );
}
