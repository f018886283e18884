//! The two sides of a release's promise, before noise: for audits. What is here must stay private.

use super::Run;
use super::kept::KeptByRun;
use super::release_later::private_weights;
use crate::error::Error;
use crate::release::PrivateWeights;
use crate::request::Answered;
use rescind_certificate::Certificate;
use rescind_data::Selection;
use rescind_unlearn::methods::{MethodChoice, Step, Task};
use rescind_unlearn::training::{TrainingEnding, TrainingSettings, TrainingState};
use rescind_unlearn::{EvaluationSet, Measured, Observer};

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
        let history = self.ledger.history();
        let requests = history.request_count();
        let not_released = || Error::NotReleased { request: requests };
        let newest = history.releases().last().map(|release| release.number);
        let number = newest.filter(|&number| number == requests);
        let number = number.ok_or_else(not_released)?;
        self.certificate(number)?.ok_or_else(not_released)
    }

    /// The certificate of a release.
    ///
    /// # Errors
    /// A damaged ledger.
    pub fn certificate(&self, release: u64) -> Result<Option<Certificate>, Error> {
        let document = self.ledger.document(release)?;
        let read = document.map(|text| Certificate::read(text.as_bytes()));
        read.transpose().map_err(|error| Error::Damaged {
            path: self.setup.root.join("ledger.sqlite"),
            reason: format!("the certificate of release {release} cannot be read: {error}"),
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
        if let Some(answered) = self.answer(record.answered)? {
            noised_at_the_end(&answered)?;
        }
        let retrained = self.retrained(&self.retained, observer)?;
        Ok(Sides {
            unlearned: private_weights(&state),
            retrained: private_weights(&retrained),
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
        let answers = self.answers()?;
        if record.progress.ending == Some(TrainingEnding::Imported) {
            return cannot("the model was trained elsewhere");
        }
        for answered in &answers {
            repeatable(answered)?;
        }
        if self.setup.model.is_convex() {
            return cannot(
                "the training of a convex model has no randomness that another seed would change",
            );
        }
        if answers.iter().any(|r| !r.training_finished) {
            return cannot("a request was answered before training had ended");
        }
        let config = self.config();
        if config.is_some_and(|c| c.scaling == rescind_unlearn::Scaling::Computed) {
            return cannot("the inputs' scaling changed with every request");
        }
        let [original, retraining] = [seed.wrapping_mul(2), seed.wrapping_mul(2).wrapping_add(1)];
        let mut retained = self.setup.split.train.clone();
        let mut state = self.train_afresh(&retained, original, observer)?;
        for request in &answers {
            retained = retained.difference(&request.forgotten)?;
            state = self.step_afresh(&state, request, &retained, original, observer)?;
        }
        let retrained = self.train_afresh(&retained, retraining, observer)?;
        Ok(Sides {
            unlearned: private_weights(&state),
            retrained: private_weights(&retrained),
        })
    }

    /// The step of a request again, from other weights.
    fn step_afresh(
        &self,
        state: &TrainingState,
        request: &Answered,
        retained: &Selection,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, Error> {
        if request.method.method == "retrain" {
            return self.train_afresh(retained, seed, observer);
        }
        let kept: KeptByRun<'_> = self.setup.kept();
        let task = Task {
            model: &*self.setup.model,
            state,
            forget: &request.forgotten,
            retained,
            validation: &self.setup.split.validation,
            training: &self.setup.settings.training,
            ball: &self.setup.ball,
            noise: None,
            inputs_moved: false,
            kept: &kept,
        };
        let method = MethodChoice::again(&request.method).method()?;
        match method.step(task, observer)? {
            Step::Taken(outcome) => Ok(outcome.state),
            Step::Noisy(_) => {
                cannot("a request was answered by a method whose noise is part of its steps")
            }
        }
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
        let statistics = self.setup.statistics_on(&self.retained, parameters)?;
        let on = on.map_or(EvaluationSet::Test, EvaluationSet::Records);
        let measured = self
            .setup
            .model
            .measure(parameters, &statistics, on, &mut ());
        measured
            .map_err(rescind_unlearn::Error::from)?
            .ok_or(Error::CannotMeasure)
    }

    fn train_afresh(
        &self,
        on: &Selection,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, Error> {
        let settings = TrainingSettings {
            seed,
            ..self.setup.settings.training.clone()
        };
        let training = super::training::Training {
            settings: &settings,
            ..self.setup.training_on(on)
        };
        let mut state = training.start()?;
        training.run(&mut state, &mut |_| Ok(()), observer)?;
        Ok(state)
    }
}

fn cannot<T>(reason: &'static str) -> Result<T, Error> {
    Err(Error::CannotRepeat { reason })
}

/// Only weights that are noised once, after all else, have two fixed sides.
fn noised_at_the_end(answered: &Answered) -> Result<(), Error> {
    match answered.was_noised_within() {
        true => cannot("a request was answered by a method whose noise is part of its steps"),
        false => Ok(()),
    }
}

/// Whether another seed would make another outcome of a request.
fn repeatable(answered: &Answered) -> Result<(), Error> {
    let method = MethodChoice::named(&answered.method.method).method()?;
    method
        .repeatable()
        .map_err(|reason| Error::CannotRepeat { reason })
}
