//! The two sides of a release's promise, before noise: for audits. What is here must stay private.

use super::{Run, StateRecord};
use crate::certificate::Certificate;
use crate::evaluation::{Measured, measure};
use crate::forgetting::{MethodReport, RequestRecord};
use crate::ledger::Ledger;
use crate::methods::newton::{self, Constants, NewtonSettings, NewtonTask};
use crate::observer::Observer;
use crate::release::PrivateWeights;
use crate::training::{Trainer, TrainingEnding, TrainingSettings, TrainingState};
use crate::{Error, NetworkObjective};
use rescind_data::Selection;
use rescind_network::Weights;

/// The weights that a release was made from, and those that would have been released had the
/// forgotten records never been there. Private, both.
#[derive(Debug)]
pub struct Sides {
    /// Unlearned, before noise.
    pub unlearned: PrivateWeights,
    /// Retrained on the retained records, before noise.
    pub retrained: PrivateWeights,
}

impl Run {
    /// The certificate of the newest release, if it is one of the last request.
    ///
    /// # Errors
    /// [`Error::NotReleased`] where requests have been answered since, or nothing was released.
    pub fn newest_certificate(&self) -> Result<Certificate, Error> {
        let requests = self.state().map_or(0, |record| record.requests.len()) as u64;
        let not_released = || Error::NotReleased { request: requests };
        if !self.root.join("ledger.sqlite").exists() {
            return Err(not_released());
        }
        let history = Ledger::open_existing(&self.root)?.history()?;
        let newest = history.releases().last().map(|release| release.number);
        let number = newest.filter(|&number| number == requests);
        let entry = number.and_then(|number| history.certificate(number));
        let entry = entry.ok_or_else(not_released)?;
        serde_json::from_str(&entry.document).map_err(|error| Error::Damaged {
            path: self.root.join("ledger.sqlite"),
            reason: format!("the certificate of release {requests} cannot be read: {error}"),
        })
    }

    /// Both sides of the newest release: the un-noised weights it was made from, and those retrained
    /// with the run's own seed on the records retained, as [`retrain`](Self::retrain) keeps them
    /// (trained now, and kept, if they are not there).
    ///
    /// # Errors
    /// As [`newest_certificate`](Self::newest_certificate); [`Error::IterateGone`]; whatever
    /// retraining meets.
    pub fn sides(&self, observer: &mut dyn Observer) -> Result<Sides, Error> {
        let release = self.newest_certificate()?.release;
        let (record, state) = self.iterate(release)?;
        record.requests.last().map_or(Ok(()), noised_at_the_end)?;
        let retrained = self.retrained(&record.retained, observer)?;
        Ok(Sides {
            unlearned: unrounded(state),
            retrained: unrounded(retrained),
        })
    }

    /// Both sides afresh and from the start, in memory: training, every request so far and
    /// retraining, each with seeds that follow from `seed`.
    ///
    /// # Errors
    /// As [`newest_certificate`](Self::newest_certificate); [`Error::CannotRepeat`] where the run
    /// does not say how the weights came about; whatever training and methods meet.
    pub fn sides_afresh(&self, seed: u64, observer: &mut dyn Observer) -> Result<Sides, Error> {
        self.newest_certificate()?;
        let (record, _) = self.trained()?;
        self.check_repeatable(record)?;
        let [original, retraining] = [seed.wrapping_mul(2), seed.wrapping_mul(2).wrapping_add(1)];
        let mut retained = self.split.train.clone();
        let mut weights = self.train_afresh(&retained, original, observer)?;
        for request in &record.requests {
            retained = retained.difference(&request.forgotten)?;
            weights = match &request.method {
                MethodReport::Newton { report } => {
                    let model = self.model(weights.statistics.clone());
                    let kept = self.kept_sketch(report.settings.preconditioning);
                    let train = &self.records.train;
                    let task = NewtonTask {
                        weights: &weights.parameters,
                        retain: &NetworkObjective::new(&model, train, &retained)?,
                        forget: &NetworkObjective::new(&model, train, &request.forgotten)?,
                        ball: &self.ball,
                        proved_gradient_bound: None,
                        kept: kept.as_ref(),
                    };
                    // The bounds are known; only the step is wanted.
                    let settings = NewtonSettings {
                        constants: Constants::default(),
                        ..report.settings.clone()
                    };
                    let parameters = newton::step(&task, &settings, observer)?.weights;
                    let statistics = self.statistics_on(&retained, &parameters)?;
                    Weights {
                        parameters,
                        statistics,
                    }
                }
                MethodReport::Retrain { .. } => self.train_afresh(&retained, original, observer)?,
                MethodReport::NoisyFinetune { .. } | MethodReport::OutputPerturbation { .. } => {
                    return Err(noise_within());
                }
                MethodReport::Tangent { .. } | MethodReport::Head { .. } => {
                    return Err(no_seeds());
                }
            };
        }
        let retrained = self.train_afresh(&retained, retraining, observer)?;
        Ok(Sides {
            unlearned: PrivateWeights::new(weights.parameters),
            retrained: PrivateWeights::new(retrained.parameters),
        })
    }

    /// How a release of these parameters would do on records of the training set (of the test set
    /// if none are given): with batch-norm statistics recomputed on the retained records.
    ///
    /// # Errors
    /// A run without weights; parameters or records that are not the run's.
    pub fn measure_as_released(
        &self,
        parameters: &[f32],
        on: Option<&Selection>,
    ) -> Result<Measured, Error> {
        let statistics = self.statistics_on(self.retained(), parameters)?;
        let model = self.model(statistics);
        let (train, test) = (&self.records.train, &self.records.test);
        match on {
            Some(selection) => measure(&model, parameters, train, selection, &mut ()),
            None => {
                let all = Selection::all(test.len());
                measure(&model, parameters, test, &all, &mut ())
            }
        }
    }

    fn check_repeatable(&self, record: &StateRecord) -> Result<(), Error> {
        let cannot = |reason: &'static str| Err(Error::CannotRepeat { reason });
        if record.progress.ending == Some(TrainingEnding::Imported) {
            return cannot("the model was trained elsewhere");
        }
        record.requests.iter().try_for_each(noised_at_the_end)?;
        if self.config.parameterisation.is_convex() {
            return Err(no_seeds());
        }
        if record.requests.iter().any(|r| !r.training_finished) {
            return cannot("a request was answered before training had ended");
        }
        if matches!(self.config.scaling, super::Scaling::Computed) {
            return cannot("the inputs' scaling changed with every request");
        }
        Ok(())
    }

    fn train_afresh(
        &self,
        on: &Selection,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Weights<f32>, Error> {
        let settings = TrainingSettings {
            seed,
            ..self.config.training.clone()
        };
        let trainer = Trainer {
            settings: &settings,
            ..self.trainer(on)
        };
        let mut state = trainer.start()?;
        trainer.run(&mut state, &mut |_| Ok(()), observer)?;
        Ok(state.weights)
    }
}

/// Only weights that are noised once, after all else, have two fixed sides.
fn noised_at_the_end(request: &RequestRecord) -> Result<(), Error> {
    match request.method {
        MethodReport::NoisyFinetune { .. } | MethodReport::OutputPerturbation { .. } => {
            Err(noise_within())
        }
        _ => Ok(()),
    }
}

/// The weights as precisely as they are known.
fn unrounded(state: TrainingState) -> PrivateWeights {
    match state.exact {
        Some(exact) => PrivateWeights::exact(exact),
        None => PrivateWeights::new(state.weights.parameters),
    }
}

fn no_seeds() -> Error {
    Error::CannotRepeat {
        reason: "the training of a convex model has no randomness that another seed would change",
    }
}

fn noise_within() -> Error {
    Error::CannotRepeat {
        reason: "a request was answered by a method whose noise is part of its steps",
    }
}
