//! What the theorem of rewinding counts, as far as a certificate states it too.

use super::collector::Collector;
use crate::facts::InputScaling;
use crate::record::{BoundRecord, Certificate};
use rescind_privacy::sensitivity::{Constant, Symbol};

/// The checkpoint is one of a training that no request had met, on all records but those held out.
pub fn agrees(certificate: &Certificate, index: usize, bound: &BoundRecord, all: &mut Collector) {
    let data = &certificate.data;
    let trained = data.records.saturating_sub(data.validation);
    let removed = trained.saturating_sub(data.retained);
    let steps = value(bound, Symbol::StepsTrained);
    let least = least_rounding(certificate, bound);
    for (symbol, holds, expected, why) in [
        (
            Symbol::RecordsTrained,
            is(value(bound, Symbol::RecordsTrained), trained),
            trained.to_string(),
            "all records but those held out were trained on before the first request",
        ),
        (
            Symbol::RecordsRemoved,
            is(value(bound, Symbol::RecordsRemoved), removed),
            removed.to_string(),
            "whoever was trained on and is not retained was removed",
        ),
        (
            Symbol::StepsAgain,
            (1.0..steps).contains(&value(bound, Symbol::StepsAgain)),
            format!("at least 1, fewer than {steps}"),
            "the checkpoint lies within the training",
        ),
        (
            Symbol::LearningRate,
            value(bound, Symbol::LearningRate) > 0.0,
            "above 0".to_owned(),
            "a step goes somewhere",
        ),
        (
            Symbol::StepRounding,
            value(bound, Symbol::StepRounding) >= least,
            format!("at least {least:e}"),
            "weights and steps of this size are not computed more closely in binary32",
        ),
    ] {
        let position = bound.constants.iter().position(|c| c.symbol() == symbol);
        let position = position.unwrap_or_default();
        let field = format!("/bounds/{index}/constants/{position}/value");
        all.require(holds, field, value(bound, symbol), expected, why);
    }
    all.require(
        data.input_scaling != InputScaling::FromRetained,
        format!("/bounds/{index}/theorem"),
        bound.theorem,
        "a theorem that holds with inputs scaled by the records",
        "without the records that went, the loss of every other is another function",
    );
}

/// What a step loses where the ball lies around the origin; elsewhere it loses more.
fn least_rounding(certificate: &Certificate, bound: &BoundRecord) -> f64 {
    const UNIT: f64 = 0.5 * f32::EPSILON as f64;
    let of = |symbol| value(bound, symbol);
    let radius = certificate.model.ball.radius;
    let step = of(Symbol::RecordGradient) + 2.0 * of(Symbol::Penalty) * radius;
    let units = 64.0 + of(Symbol::RecordsTrained).sqrt();
    UNIT * (8.0 * radius + units * of(Symbol::LearningRate) * step) * (1.0 - 1e-9)
}

/// Whether a constant is this count.
fn is(value: f64, count: u64) -> bool {
    value.to_bits() == (count as f64).to_bits()
}

/// The value of a constant; not a number where the bound has none such.
fn value(bound: &BoundRecord, symbol: Symbol) -> f64 {
    let mut constants = bound.constants.iter();
    let found = constants.find(|constant| constant.symbol() == symbol);
    found.map_or(f64::NAN, Constant::value)
}
