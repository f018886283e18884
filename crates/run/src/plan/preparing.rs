//! What preparing would cost, and from how many requests on it pays; squared error beside
//! cross-entropy.

use super::comparison::{OtherLoss, Preparing};
use crate::error::Error;
use crate::run::Run;
use rescind_data::Selection;
use rescind_network::Loss;
use rescind_unlearn::methods::descent::PreparingForecast;
use rescind_unlearn::training::{ConvexTrainer, TrainingSettings, TrainingState};
use rescind_unlearn::{Classifier, EvaluationSet, Model, Observer};

/// Records that a loss is tried on.
const TRIED: usize = 4000;
/// Gradient norm to reach there, in units of what training reaches: accuracy shows long before.
const ROUGHLY: f64 = 100.0;

impl Preparing {
    /// From what preparing takes, and a request with and without it.
    pub(super) fn of(forecast: PreparingForecast, prepared: f64, descent: f64) -> Self {
        let saved = descent - prepared;
        Self {
            seconds: forecast.seconds,
            bytes: forecast.bytes,
            request: prepared,
            unprepared_request: descent,
            pays_from: (saved > 0.0).then(|| (forecast.seconds / saved).ceil().max(1.0) as u64),
            exact: forecast.exact,
        }
    }
}

/// Trains with squared error, and with cross-entropy, on the same few of the records that stay; none
/// for a model whose loss is another, or that another program brings.
pub(super) fn other_loss(
    run: &Run,
    retained: &Selection,
    observer: &mut dyn Observer,
) -> Result<Option<OtherLoss>, Error> {
    let Ok(classifier) = run.classifier() else {
        return Ok(None);
    };
    let own = run.config().map(|config| config.loss);
    if !classifier.is_convex() || own != Some(Loss::SoftmaxCrossEntropy) {
        return Ok(None);
    }
    let some: Vec<usize> = match retained.len() > TRIED {
        // Every so many: an order of the records says nothing.
        true => {
            let step = retained.len() / TRIED;
            retained.iter().step_by(step).take(TRIED).collect()
        }
        false => retained.positions().to_vec(),
    };
    let on = Selection::new(retained.records(), some).map_err(rescind_unlearn::Error::from)?;
    let other = classifier.with_loss(Loss::SquaredError)?;
    let mut accuracy = |model: &Classifier| trained(run, model, &on, observer);
    let (squared_error, cross_entropy) = (accuracy(&other)?, accuracy(classifier)?);
    Ok(squared_error
        .zip(cross_entropy)
        .map(|(squared_error, cross_entropy)| OtherLoss {
            records: on.len(),
            squared_error,
            cross_entropy,
        }))
}

/// Test accuracy of this model trained on these records; none where rounding keeps it from its end.
fn trained(
    run: &Run,
    model: &Classifier,
    on: &Selection,
    observer: &mut dyn Observer,
) -> Result<Option<f64>, Error> {
    let own = &run.settings().training;
    let settings = TrainingSettings {
        until_gradient: own.until_gradient.map(|gradient| ROUGHLY * gradient),
        ..own.clone()
    };
    let nothing = Selection::none(on.records());
    let trainer = ConvexTrainer {
        model,
        train: on,
        validation: &nothing,
        settings: &settings,
        ball: run.ball(),
    };
    let mut state: TrainingState = trainer.start()?;
    match trainer.run(&mut state, &mut |_| Ok(()), observer) {
        Err(rescind_unlearn::Error::GradientStuck { .. }) => return Ok(None),
        done => done?,
    }
    let weights = &state.weights;
    let set = EvaluationSet::Test;
    let measured = model.measure(&weights.parameters, &weights.statistics, set, observer);
    let measured = measured.map_err(rescind_unlearn::Error::from)?;
    Ok(measured.and_then(|measured| measured.accuracy))
}
