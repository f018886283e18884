//! The training loop.

use super::settings::TrainingSettings;
use super::state::{TrainingEnding, TrainingProgress, TrainingState};
use crate::ball::Ball;
use crate::epoch::EpochReport;
use crate::error::Error;
use crate::evaluation::Measured;
use crate::model::{EvaluationSet, Minibatches, Model};
use crate::observer::{Observer, Progress};
use crate::penalty::L2Penalty;
use crate::phase::Phase;
use crate::selected::{minibatches, objective};
use rescind_data::{Selection, epoch_order};
use rescind_network::{NetworkError, Weights};
use std::time::Instant;

/// Training of one model on selected records.
pub struct Trainer<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// The records to train on.
    pub train: &'a Selection,
    /// The records to validate on; may be empty.
    pub validation: &'a Selection,
    /// How to train.
    pub settings: &'a TrainingSettings,
    /// Where the weights must stay.
    pub ball: &'a Ball,
}

/// Training records whose accuracy an epoch reports where there is no validation record.
const SHOWN: usize = 2000;

/// The model on the validation records, and the accuracy to show: on the first training records
/// where there is no validation record.
pub(super) fn validated(
    model: &dyn Model,
    weights: &Weights<f32>,
    train: &Selection,
    validation: &Selection,
) -> Result<(Option<Measured>, Option<f64>), Error> {
    let measure = |on: &Selection| {
        let on = EvaluationSet::Records(on);
        model.measure(&weights.parameters, &weights.statistics, on, &mut ())
    };
    if validation.is_empty() {
        let some = train.positions()[..train.len().min(SHOWN)].to_vec();
        let shown = measure(&Selection::new(model.records(), some)?)?;
        return Ok((None, shown.and_then(|measured| measured.accuracy)));
    }
    let measured = measure(validation)?;
    Ok((measured, measured.and_then(|measured| measured.accuracy)))
}

impl<'a> Trainer<'a> {
    /// The state before the first step: fresh weights by the settings' seed, or the ball's centre
    /// if it has one (public weights are where fine-tuning starts).
    ///
    /// # Errors
    /// Settings out of range; starting weights outside the ball.
    pub fn start(&self) -> Result<TrainingState, Error> {
        self.settings.validate()?;
        let parameters = match self.ball.centre() {
            Some(centre) => centre.to_vec(),
            None => self.model.description().draw(self.settings.seed),
        };
        let distance = self.ball.distance(&parameters);
        if distance > self.ball.radius() {
            return Err(Error::StartOutsideBall {
                distance,
                radius: self.ball.radius(),
            });
        }
        let statistics = self
            .model
            .batch_norm()
            .map_or_else(Vec::new, |b| b.initial());
        let mut state = TrainingState {
            weights: Weights {
                parameters,
                statistics,
            },
            exact: None,
            moments: Vec::new(),
            best: None,
            progress: TrainingProgress::default(),
        };
        self.reset(&mut state);
        Ok(state)
    }

    /// Forgets all that the optimiser and early stopping remember of the records seen, so that
    /// what follows is a function of the weights and of the records trained on from now. The epoch
    /// begun is left as it is and the next one starts afresh.
    pub fn reset(&self, state: &mut TrainingState) {
        let zero = vec![0.0; state.weights.parameters.len()];
        state.moments = vec![zero; self.settings.optimiser.moments()];
        state.best = None;
        let progress = &mut state.progress;
        progress.optimiser_steps = 0;
        progress.best_epoch = None;
        if progress.step > 0 {
            progress.epoch += 1;
        }
        progress.step = 0;
        progress.loss_sum = 0.0;
    }

    /// Trains from `state` to the end, calling `save` after every `checkpoint_every` epochs, at the
    /// early checkpoint, at the end, and when the observer says stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the observer breaks (after saving), [`Error::Diverged`], and
    /// whatever `save` returns.
    pub fn run(
        &self,
        state: &mut TrainingState,
        save: &mut dyn FnMut(&TrainingState) -> Result<(), Error>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        self.settings.validate()?;
        if self.train.is_empty() {
            return Err(Error::NoRecords);
        }
        let mut gradients = minibatches(self.model, &self.penalty())?;
        let before = state.progress.seconds;
        let began = Instant::now();
        while state.progress.ending.is_none() {
            if state.progress.epoch >= self.settings.epochs {
                state.progress.ending = Some(TrainingEnding::EpochsDone);
                break;
            }
            let stopped = self.epoch(&mut *gradients, state, observer)?;
            state.progress.seconds = before + began.elapsed().as_secs_f64();
            if let Some(projected) = stopped {
                self.finish_epoch(state, projected)?;
            } else {
                save(state)?;
                return Err(Error::Interrupted {
                    phase: Phase::Train,
                });
            }
            let shown = self.shown(state, true);
            let go_on = observer.observe(&shown).is_continue();
            let last = state.progress.ending.is_some();
            if !last
                && (!go_on
                    || self.settings.early_checkpoint == Some(state.progress.epoch)
                    || state
                        .progress
                        .epoch
                        .is_multiple_of(self.settings.checkpoint_every))
            {
                save(state)?;
            }
            if !last && !go_on {
                return Err(Error::Interrupted {
                    phase: Phase::Train,
                });
            }
        }
        state.moments = Vec::new();
        state.best = None;
        save(state)
    }

    /// Runs what is left of an epoch. Says whether the ball was met, or nothing if the observer
    /// broke off.
    fn epoch(
        &self,
        gradients: &mut dyn Minibatches,
        state: &mut TrainingState,
        observer: &mut dyn Observer,
    ) -> Result<Option<bool>, Error> {
        let settings = self.settings;
        let order = epoch_order(self.train, settings.seed, state.progress.epoch);
        // Batch norm has no variance over a single record.
        let least = if state.weights.statistics.is_empty() {
            1
        } else {
            2
        };
        let batches: Vec<&[usize]> = order
            .chunks(settings.batch)
            .filter(|batch| batch.len() >= least)
            .collect();
        let mut gradient = vec![0.0; state.weights.parameters.len()];
        let mut projected = false;
        let begun = state.progress.step as usize;
        for (index, batch) in batches.iter().enumerate().skip(begun) {
            let Weights {
                parameters,
                statistics,
            } = &mut state.weights;
            let momentum = settings.statistics_momentum;
            let loss = gradients
                .gradient(parameters, batch, &mut gradient, statistics, momentum)
                .map_err(|error| match error {
                    Error::Network(NetworkError::NonFinite { .. }) => {
                        self.diverged(&state.progress, f64::NAN)
                    }
                    other => other,
                })?;
            if !loss.is_finite() {
                return Err(self.diverged(&state.progress, loss));
            }
            let progress = &mut state.progress;
            let epoch = progress.epoch as f64 + index as f64 / batches.len() as f64;
            let factor = settings.schedule.factor(epoch, settings.epochs);
            let (moments, steps) = (&mut state.moments, progress.optimiser_steps);
            settings
                .optimiser
                .step(parameters, &gradient, moments, steps, factor);
            projected |= self.ball.project(parameters);
            progress.optimiser_steps += 1;
            progress.loss_sum += loss * batch.len() as f64;
            progress.step += 1;
            if observer.observe(&self.shown(state, false)).is_break() {
                return Ok(None);
            }
        }
        Ok(Some(projected))
    }

    /// Reports the epoch, and decides whether it was the last.
    fn finish_epoch(&self, state: &mut TrainingState, projected: bool) -> Result<(), Error> {
        let parameters = &state.weights.parameters;
        let norm = self.ball.distance(parameters);
        let trained = self.train.len() as f64;
        let loss = state.progress.loss_sum / trained;
        if !norm.is_finite() {
            return Err(self.diverged(&state.progress, loss));
        }
        let (validated, accuracy) =
            validated(self.model, &state.weights, self.train, self.validation)?;
        let gradient_norm = match self.settings.until_gradient {
            None => None,
            Some(_) => Some(self.gradient_norm(&state.weights)?),
        };
        let progress = &mut state.progress;
        progress.epoch += 1;
        progress.step = 0;
        progress.loss_sum = 0.0;
        let validation_loss = validated.map(|measured| measured.loss);
        progress.history.push(EpochReport {
            epoch: progress.epoch,
            loss,
            validation_loss,
            accuracy,
            norm,
            projected,
            gradient_norm,
            seconds: progress.seconds,
        });
        self.end(state, gradient_norm, validation_loss);
        Ok(())
    }

    fn end(&self, state: &mut TrainingState, gradient: Option<f64>, validation: Option<f64>) {
        let settings = self.settings;
        let last = state.progress.epoch >= settings.epochs;
        if let (Some(gradient_norm), Some(wanted)) = (gradient, settings.until_gradient) {
            if gradient_norm <= wanted {
                state.progress.ending = Some(TrainingEnding::GradientReached { gradient_norm });
            } else if last {
                state.progress.ending = Some(TrainingEnding::GradientNotReached { gradient_norm });
            }
        }
        if let (Some(patience), Some(loss)) = (settings.early_stopping, validation) {
            let progress = &mut state.progress;
            let lowest = |epoch: u64| {
                let report = progress.history.iter().find(|report| report.epoch == epoch);
                report
                    .and_then(|report| report.validation_loss)
                    .map(|loss| (epoch, loss))
            };
            match progress.best_epoch.and_then(lowest) {
                Some((best_epoch, lowest)) if loss >= lowest => {
                    let enough = last || progress.epoch - best_epoch >= patience;
                    if enough
                        && progress.ending.is_none()
                        && let Some(weights) = state.best.take()
                    {
                        state.weights = weights;
                        progress.ending = Some(TrainingEnding::EarlyStopped { best_epoch });
                    }
                }
                _ => {
                    progress.best_epoch = Some(progress.epoch);
                    state.best = Some(state.weights.clone());
                }
            }
        }
        if last && state.progress.ending.is_none() {
            state.progress.ending = Some(TrainingEnding::EpochsDone);
        }
    }

    fn gradient_norm(&self, weights: &Weights<f32>) -> Result<f64, Error> {
        let penalty = self.penalty();
        let objective = objective(self.model, self.train, &weights.statistics, &penalty)?;
        crate::objective::exact_gradient_norm(&*objective, &weights.parameters)
    }

    fn penalty(&self) -> L2Penalty {
        L2Penalty {
            strength: self.settings.penalty,
            centre: self.ball.centre().cloned(),
        }
    }

    fn diverged(&self, progress: &TrainingProgress, loss: f64) -> Error {
        Error::Diverged {
            epoch: progress.epoch + 1,
            loss,
        }
    }

    fn shown(&self, state: &TrainingState, epoch_done: bool) -> Progress {
        let per_epoch = self.train.len().div_ceil(self.settings.batch) as u64;
        let progress = &state.progress;
        let done = progress.epoch * per_epoch + progress.step;
        let total = Some(self.settings.epochs * per_epoch);
        let epoch = if epoch_done {
            progress.history.last().cloned()
        } else {
            None
        };
        Progress {
            epoch,
            ..Progress::counted(Phase::Train, done, total)
        }
    }
}
