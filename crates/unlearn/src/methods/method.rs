//! What a method is: what it needs, what it promises before any work, what it costs, and its step.

use super::report::MethodReport;
use crate::ball::Ball;
use crate::epoch::EpochReport;
use crate::error::Error;
use crate::model::{Capability, Model};
use crate::observer::Observer;
use crate::training::{TrainingSettings, TrainingState};
use rescind_data::Selection;
use rescind_privacy::sensitivity::SensitivityBound;
use rescind_privacy::{NoiseChoice, NoisyFineTuning};
use serde_json::{Map, Value};
use std::any::Any;
use std::sync::Mutex;

/// One way to forget. It holds its own settings; [`TABLE`](super::TABLE) lists every method there
/// is.
pub trait Method: std::fmt::Debug + Send + Sync {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// What it needs of a model.
    fn needs(&self) -> &'static [Capability];

    /// What stands in the way of using it on this model, beyond what it needs.
    fn unsuited_to(&self, _model: &dyn Model) -> Option<&'static str> {
        None
    }

    /// Checks its settings, and says what it promises: before any pass over records, from settings
    /// and public numbers alone.
    ///
    /// # Errors
    /// A setting out of range; a promise that is none.
    fn promise(&self, public: &Public<'_>) -> Result<Promise, Error>;

    /// What it would take and give.
    ///
    /// # Errors
    /// As [`promise`](Self::promise).
    fn forecast(&self, outlook: &Outlook<'_>) -> Result<Forecast, Error>;

    /// Takes the step.
    ///
    /// # Errors
    /// What model, solver and settings meet; [`Error::Interrupted`].
    fn step<'a>(&self, task: Task<'a>, observer: &mut dyn Observer) -> Result<Step<'a>, Error>;

    /// Whether another seed would make another outcome, so that an audit can draw both sides of a
    /// release afresh; if not, why.
    ///
    /// # Errors
    /// The reason, in words.
    fn repeatable(&self) -> Result<(), &'static str> {
        Ok(())
    }

    /// Whether its step works on models that belong to no run, such as the shadows of an attack: its
    /// outcome is weights, and of [`Kept`] it needs nothing but training afresh.
    fn works_without_a_run(&self) -> bool {
        false
    }

    /// Computes again what the report of a step quotes, from the weights before and after it.
    ///
    /// # Errors
    /// What the model meets.
    fn recompute(
        &self,
        _task: &Task<'_>,
        _after: &TrainingState,
        _report: &MethodReport,
    ) -> Result<Recomputed, Error> {
        Ok(Recomputed::default())
    }
}

/// What may be known before any record is looked at (docs/theory.md §6).
#[derive(Clone, Copy)]
pub struct Public<'a> {
    /// The model, of which nothing is asked that reads records.
    pub model: &'a dyn Model,
    /// The ball in which all weights lie.
    pub ball: &'a Ball,
    /// How the run trains.
    pub training: &'a TrainingSettings,
    /// Where training stood at its early checkpoint, if the run keeps one.
    pub checkpoint: Option<Checkpoint>,
    /// How much noise a release is to get, if there is to be one.
    pub noise: Option<&'a NoiseChoice>,
    /// Records that will stay.
    pub retained: usize,
    /// Records that will go.
    pub forgotten: usize,
}

/// What a method promises before it has done anything.
#[derive(Clone, Debug)]
pub struct Promise {
    /// Bounds on the distance of its outcome from retraining's.
    pub bounds: Vec<SensitivityBound>,
    /// Whether these are all: no step will find a smaller one.
    pub settled: bool,
    /// The schedule of the noise, where noise is part of the method.
    pub noisy: Option<NoisyFineTuning>,
    /// Whether training follows the noise, so that its size says nothing of the model released.
    pub recovers: bool,
}

impl Promise {
    /// That of a method whose outcome is noised once, by bounds that follow from settings.
    #[must_use]
    pub fn settled(bounds: Vec<SensitivityBound>) -> Self {
        Self {
            bounds,
            settled: true,
            noisy: None,
            recovers: false,
        }
    }
}

/// What a step starts from.
pub struct Task<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// The private state before the request.
    pub state: &'a TrainingState,
    /// The records that go.
    pub forget: &'a Selection,
    /// The records that stay.
    pub retained: &'a Selection,
    /// Records held out for validation.
    pub validation: &'a Selection,
    /// How the run trains.
    pub training: &'a TrainingSettings,
    /// Where the weights must stay.
    pub ball: &'a Ball,
    /// How much noise a release is to get, if there is to be one.
    pub noise: Option<&'a NoiseChoice>,
    /// Whether the inputs' scaling changed with this request.
    pub inputs_moved: bool,
    /// What the run keeps for its methods.
    pub kept: &'a dyn Kept,
}

/// Room for something of a method's own.
pub type Memory = Mutex<Option<Box<dyn Any + Send>>>;

/// What a run keeps for its methods, in private.
pub trait Kept {
    /// A block of bytes kept under this name, whole or not at all.
    fn bytes(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps a block of bytes in place of the one before it.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Whether there may be blocks whose names begin so: what it takes to look for one is spared
    /// where there are none.
    fn has_some(&self, _beginning: &str) -> bool {
        true
    }

    /// Discards blocks whose names begin so, but for these.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn discard_others(&self, _beginning: &str, _stay: &[&str]) -> Result<(), Error> {
        Ok(())
    }

    /// Room for what a method wants to find again in memory while the run is open, if there is any.
    fn memory(&self) -> Option<&Memory> {
        None
    }

    /// The outcome of training afresh on these records: as far as it was done before, it is not
    /// done again.
    ///
    /// # Errors
    /// What training meets; [`Error::Storage`].
    fn retrained(
        &self,
        on: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, Error>;

    /// Where training stood at its early checkpoint, if the run keeps one.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn checkpoint(&self) -> Result<Option<Checkpoint>, Error>;

    /// The state of training there.
    ///
    /// # Errors
    /// [`Error::NoCheckpoint`], [`Error::Storage`].
    fn early_state(&self) -> Result<TrainingState, Error>;
}

/// A point of training, before any request, whose state a run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Epochs done until there.
    pub epoch: u64,
    /// Records trained on until there.
    pub records: usize,
}

impl<'a> Task<'a> {
    /// What of it is public.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn public(&self) -> Result<Public<'a>, Error> {
        Ok(Public {
            model: self.model,
            ball: self.ball,
            training: self.training,
            checkpoint: self.kept.checkpoint()?,
            noise: self.noise,
            retained: self.retained.len(),
            forgotten: self.forget.len(),
        })
    }
}

/// What a step came to.
pub enum Step<'a> {
    /// Weights, to be noised once.
    Taken(Box<Outcome>),
    /// A process that the mechanism runs, since noise is part of it.
    Noisy(Box<NoisyProcess<'a>>),
}

/// Private weights that a step led to.
#[derive(Debug)]
pub struct Outcome {
    /// The state that goes on from here.
    pub state: TrainingState,
    /// Bounds on its distance from what retraining gives.
    pub bounds: Vec<SensitivityBound>,
    /// What was done.
    pub report: MethodReport,
}

/// Steps with noise in them on the retained records, and what follows them without noise.
pub struct NoisyProcess<'a> {
    /// R0 and the noisy steps.
    pub schedule: NoisyFineTuning,
    /// The only records that steps and recovery see.
    pub retained: super::noisy::Retained<'a>,
    /// The settings used, and why.
    pub settings: super::noisy::FinetuneSchedule,
}

/// What a [`Forecast`] is made from.
pub struct Outlook<'a> {
    /// What is public.
    pub public: Public<'a>,
    /// The epochs of the run's training.
    pub history: &'a [EpochReport],
    /// Seconds that a request takes from what was prepared of the records that stay, where it was.
    pub prepared: Option<f64>,
    /// How long things take.
    pub speed: Speed,
}

/// How long things take on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Seconds of an epoch of training on the records that would stay.
    pub epoch: f64,
    /// Where the epoch's time came from, in words.
    pub epoch_from: &'static str,
    /// Seconds of an epoch's steps alone, without what training does between epochs.
    pub steps: f64,
    /// Seconds of the gradient of a minibatch and noise for every weight.
    pub noisy_step: f64,
    /// Seconds of a product with the curvature, for each record it is over; absent where the model
    /// has none.
    pub product: Option<f64>,
}

impl Speed {
    /// Seconds of a whole training on the records that would stay, as long as that of this history.
    #[must_use]
    pub fn trained(&self, history: &[EpochReport]) -> f64 {
        let epochs = history.last().map_or(0, |last| last.epoch);
        epochs as f64 * self.epoch
    }
}

/// What a method would take and give.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// Seconds of the step.
    pub seconds: f64,
    /// How these were predicted, in words.
    pub time: String,
    /// What the model's accuracy would be like.
    pub accuracy: AccuracyForecast,
    /// How the rest was predicted, in words.
    pub how: String,
}

/// What accuracy to expect of what would be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccuracyForecast {
    /// That of the private weights with the noise on them.
    Noised,
    /// That which training had after so many epochs.
    AfterEpochs(u64),
    /// That of the model as it is.
    Unchanged,
}

/// Quantities of a step computed again, in binary64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recomputed {
    /// `‖∇F_r‖` at the weights before.
    pub gradient_norm_before: Option<f64>,
    /// `‖∇F_r‖` at the weights after.
    pub gradient_norm_after: Option<f64>,
    /// The residual of the system solved.
    pub residual: Option<f64>,
    /// The residual of the theorem's system.
    pub theorem_residual: Option<f64>,
}

/// Settings as the members of a JSON object.
///
/// # Errors
/// [`Error::MethodSettings`] for settings that are none.
pub fn members(
    method: &'static str,
    settings: &impl serde::Serialize,
) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Error::MethodSettings {
            method,
            reason: error.to_string(),
        }),
    }
}
