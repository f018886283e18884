//! Training of convex models: a descent until the gradient is small.

use super::settings::TrainingSettings;
use super::state::{TrainingEnding, TrainingProgress, TrainingState};
use super::trainer::validated;
use crate::ball::Ball;
use crate::descent::{ConvexSettings, Minimiser};
use crate::epoch::EpochReport;
use crate::error::Error;
use crate::head::minimum;
use crate::linearised::LinearisedObjective;
use crate::model::Model;
use crate::observer::{Observer, Progress};
use crate::outputs::ConvexObjective;
use crate::penalty::L2Penalty;
use crate::phase::Phase;
use crate::precision::{narrowed, widened};
use rescind_data::Selection;
use rescind_network::Weights;
use std::time::Instant;

/// Training of one convex model on selected records. It ends where `‖∇F‖ ≤ G` and nowhere else, so
/// that G holds for every model it returns (docs/theory.md §3).
pub struct ConvexTrainer<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// The records to train on.
    pub train: &'a Selection,
    /// The records to validate on; may be empty. They decide nothing.
    pub validation: &'a Selection,
    /// How to train. Penalty, gradient to reach and seed count; there are no epochs, minibatches
    /// or learning rates.
    pub settings: &'a TrainingSettings,
    /// Where the weights lie.
    pub ball: &'a Ball,
}

impl<'a> ConvexTrainer<'a> {
    /// What the descent is to reach.
    ///
    /// # Errors
    /// [`Error::Setting`] without a gradient norm to reach, or without a penalty.
    pub fn settings(&self) -> Result<ConvexSettings, Error> {
        convex_settings(self.settings)
    }

    /// The state before the first step: at the centre.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn start(&self) -> Result<TrainingState, Error> {
        self.settings.validate()?;
        let parameters = self.centre();
        Ok(TrainingState {
            exact: Some(widened(&parameters)),
            weights: Weights {
                parameters,
                statistics: Vec::new(),
            },
            moments: Vec::new(),
            best: None,
            progress: TrainingProgress::default(),
        })
    }

    /// Descends from `state` to the end, calling `save` after every round.
    ///
    /// # Errors
    /// [`Error::GradientStuck`], [`Error::Interrupted`] when the observer breaks (what was saved
    /// is where the next call goes on, with bitwise the same result), and whatever `save` returns.
    pub fn run(
        &self,
        state: &mut TrainingState,
        save: &mut dyn FnMut(&TrainingState) -> Result<(), Error>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let before = state.progress.seconds;
        let began = Instant::now();
        let objective = convex_objective(self.model, self.train, self.settings, self.ball)?;
        let w = state.exact.take();
        let w = w.unwrap_or_else(|| widened(&state.weights.parameters));
        let history = state.progress.history.iter();
        let norms: Vec<f64> = history.filter_map(|step| step.gradient_norm).collect();
        let settings = self.settings()?;
        let solved = match norms.is_empty() {
            true => self.solved(observer)?,
            false => None,
        };
        let mut has_stepped = solved.is_some();
        let mut descent = match solved {
            Some(solved) => Minimiser::start_near(&*objective, solved, settings)?,
            None => Minimiser::resume(&*objective, w, &norms, settings)?,
        };
        loop {
            state.exact = Some(descent.weights().to_vec());
            state.weights.parameters = narrowed(descent.weights());
            state.progress.seconds = before + began.elapsed().as_secs_f64();
            let arrived = descent.has_arrived();
            if has_stepped {
                let shown = self.report(state, &descent)?;
                state.progress.epoch += 1;
                state.progress.history.push(shown.clone());
                if !arrived {
                    save(state)?;
                }
                let progress = Progress {
                    epoch: Some(shown),
                    ..Progress::counted(Phase::Train, state.progress.epoch, None)
                };
                if observer.observe(&progress).is_break() && !arrived {
                    return Err(Error::Interrupted {
                        phase: Phase::Train,
                    });
                }
            }
            if arrived {
                let gradient_norm = descent.gradient_norm();
                state.progress.ending = Some(TrainingEnding::GradientReached { gradient_norm });
                state.progress.seconds = before + began.elapsed().as_secs_f64();
                return save(state);
            }
            descent.step(observer)?;
            has_stepped = true;
        }
    }

    /// The minimum, where one factorisation leads there: the first step then.
    fn solved(&self, observer: &mut dyn Observer) -> Result<Option<Vec<f64>>, Error> {
        let Some(features) = self.model.fixed_features() else {
            return Ok(None);
        };
        let centre = self.centre();
        minimum(
            features,
            self.train,
            self.settings.penalty,
            &centre,
            observer,
        )
    }

    fn centre(&self) -> Vec<f32> {
        match self.ball.centre() {
            Some(centre) => centre.to_vec(),
            None => vec![0.0; self.model.description().parameters()],
        }
    }

    /// What a step gave.
    fn report(&self, state: &TrainingState, at: &Minimiser<'_>) -> Result<EpochReport, Error> {
        let (measured, accuracy) =
            validated(self.model, &state.weights, self.train, self.validation)?;
        Ok(EpochReport {
            epoch: state.progress.epoch + 1,
            loss: at.loss().unwrap_or(f64::NAN),
            validation_loss: measured.map(|measured| measured.loss),
            accuracy,
            norm: self.ball.distance(&state.weights.parameters),
            projected: false,
            gradient_norm: Some(at.gradient_norm()),
            seconds: state.progress.seconds,
        })
    }
}

/// The descent that these training settings ask for.
pub fn convex_settings(settings: &TrainingSettings) -> Result<ConvexSettings, Error> {
    let bound = settings.until_gradient.ok_or_else(|| Error::Setting {
        setting: "until_gradient",
        found: "nothing".to_owned(),
        expected: "the gradient norm that training and forgetting of a convex model stop at",
    })?;
    let settings = ConvexSettings {
        seed: settings.seed,
        ..ConvexSettings::new(settings.penalty, bound)
    };
    settings.validate()?;
    Ok(settings)
}

/// The objective of a convex model over selected records, as these settings train it.
///
/// # Errors
/// [`Error::Lacks`] for a model whose outputs are not linear in its weights; an empty selection.
pub fn convex_objective<'a>(
    model: &'a dyn Model,
    on: &Selection,
    settings: &TrainingSettings,
    ball: &Ball,
) -> Result<Box<dyn ConvexObjective + 'a>, Error> {
    let penalty = L2Penalty {
        strength: settings.penalty,
        centre: ball.centre().cloned(),
    };
    if let Some(linear) = model.linearisation() {
        let made = LinearisedObjective::new(linear, on, settings.penalty)?;
        return Ok(Box::new(made));
    }
    let own = model.own_objectives().ok_or(Error::Lacks {
        capability: "outputs that are linear in the weights",
    })?;
    own.convex_objective(on, &penalty)
}
