//! What can go wrong in a model or a method.

use crate::phase::Phase;
use rescind_curvature::{Ending, InvalidSetting, PreconditionerError, SolveError, SpectrumError};
use rescind_data::{
    DataError, DatasetError, ManifestError, ReloadError, RequestError, SelectionError,
    StandardisationError,
};
use rescind_network::NetworkError;
use rescind_privacy::PrivacyError;

/// A failure of an outside model, as it was raised.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Why a model could not be computed with, or a method could not do what was asked. Every message
/// names the thing, what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model failed; this is what it said.
    #[error("the model failed: {0}")]
    Model(Failure),
    /// The model does not offer what was asked of it.
    #[error(
        "the model does not offer {capability}, which this needs: use a method that does without"
    )]
    Lacks {
        /// What it lacks.
        capability: &'static str,
    },
    /// What a run keeps for its methods could not be read or written; this is what was said.
    #[error("{0}")]
    Storage(Failure),
    /// The network or its weights.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Loading records.
    #[error(transparent)]
    Data(DataError),
    /// Records that do not form a dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The manifest, or data that are no longer those it lists.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Records that can no longer be loaded as they were.
    #[error(transparent)]
    Reload(ReloadError),
    /// Sets of records.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// Standardisation.
    #[error(transparent)]
    Standardisation(#[from] StandardisationError),
    /// A deletion request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Privacy arithmetic.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// Input a solver cannot use.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// A preconditioner that cannot be prepared.
    #[error("the preconditioner: {0}")]
    Preconditioner(#[from] PreconditionerError),
    /// A spectrum that cannot be measured.
    #[error("the spectrum: {0}")]
    Spectrum(#[from] SpectrumError),

    /// A setting out of its range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A method that the table does not have.
    #[error("there is no method {found:?}: the methods are {known}")]
    UnknownMethod {
        /// The name given.
        found: String,
        /// The names there are.
        known: String,
    },
    /// Settings that the method does not have, or of the wrong kind.
    #[error("the settings of the method {method}: {reason}")]
    MethodSettings {
        /// The method.
        method: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An objective over no record.
    #[error("no record is left to compute on: select at least one")]
    NoRecords,
    /// A network that does not take these records.
    #[error(
        "the network takes inputs of shape {input:?} and has {outputs} outputs; the records have \
         shape {records:?} and {classes} classes: build the network for these data"
    )]
    ModelDoesNotFit {
        /// Shape the network takes.
        input: Vec<usize>,
        /// Its outputs.
        outputs: usize,
        /// Shape of a record.
        records: Vec<usize>,
        /// Classes in the data.
        classes: usize,
    },
    /// Weights that lie outside the ball before training has begun.
    #[error(
        "the starting weights lie {distance:.4} from the centre, outside the ball of radius \
         {radius}: give a radius above {distance:.4} (it must not be chosen by looking at the records)"
    )]
    StartOutsideBall {
        /// Their distance from the centre.
        distance: f64,
        /// The radius.
        radius: f64,
    },
    /// Training produced a loss or weights that are not finite.
    #[error(
        "training diverged in epoch {epoch}: the loss is {loss}; lower the learning rate or check \
         the inputs' scale. The last checkpoint is kept"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: u64,
        /// The loss met.
        loss: f64,
    },
    /// The linear solve gave no usable step.
    #[error("the Newton system could not be solved: {ending}")]
    NoStep {
        /// How the solve ended.
        ending: Ending,
    },
    /// No step keeps the fit to the records that stay.
    #[error(
        "the step would take the mean loss on records that stay from {before:.5} to {after:.5}, where \
         {most:.5} is the most it may be (damping {damping:.3e}): train afresh without these records \
         (--method retrain), give more damping where you gave it, or allow the loss to grow \
         (--loss-growth)"
    )]
    FitLost {
        /// The loss before the step.
        before: f64,
        /// The loss after it.
        after: f64,
        /// What it may be.
        most: f64,
        /// The greatest damping tried.
        damping: f64,
    },
    /// More records go than stay.
    #[error(
        "{forgotten} records would go and {retained} stay: so much is no small change, and training \
         afresh on those that stay (--method retrain) is both better and cheaper than a step from \
         weights that most of the records made"
    )]
    MostRecordsGo {
        /// Records that go.
        forgotten: usize,
        /// Records that stay.
        retained: usize,
    },
    /// A method whose noise is part of it, without a release to say how much.
    #[error(
        "the method {method} is made of noise: say how much by the promise (epsilon and delta) or \
         by sigma"
    )]
    NoNoise {
        /// The method.
        method: &'static str,
    },
    /// A method that goes back to an early checkpoint, on a run that keeps none.
    #[error(
        "this run keeps no early checkpoint of its training to go back to: use another method, or \
         train a new run with `rescind train --early-checkpoint EPOCHS`"
    )]
    NoCheckpoint,
    /// A convex model, or a method for one, that would prove nothing.
    #[error("refused: {reason}")]
    NotProvable {
        /// What stands in the way, and what would not.
        reason: String,
    },
    /// A model that cannot be prepared for requests.
    #[error("nothing was prepared: {reason}")]
    NotPrepared {
        /// What stands in the way.
        reason: String,
    },
    /// A strongly convex objective whose gradient no longer falls.
    #[error("the gradient's norm is {norm:e} and falls no further: {}", stuck(*norm, *bound, *rounding))]
    GradientStuck {
        /// The norm reached.
        norm: f64,
        /// The norm asked for.
        bound: f64,
        /// What rounding may have done to it at most.
        rounding: f64,
    },
    /// The operating system's generator failed.
    #[error("the operating system gives no random numbers: {reason}; repair it and ask again")]
    NoRandomness {
        /// Its words.
        reason: String,
    },
    /// The observer said stop.
    #[error("stopped on request during: {phase}; what is on disk is consistent")]
    Interrupted {
        /// What was being done.
        phase: Phase,
    },
}

impl From<InvalidSetting> for Error {
    fn from(invalid: InvalidSetting) -> Self {
        Error::Setting {
            setting: invalid.setting,
            found: invalid.found.to_string(),
            expected: invalid.expected,
        }
    }
}

impl From<Failure> for Error {
    /// An error of this crate that went through a model comes back as itself.
    fn from(failure: Failure) -> Self {
        match failure.downcast::<Error>() {
            Ok(own) => *own,
            Err(foreign) => Error::Model(foreign),
        }
    }
}

impl Error {
    /// Whether the contents of records that have left their source were asked for.
    #[must_use]
    pub fn is_of_gone_records(&self) -> bool {
        matches!(self, Error::Dataset(DatasetError::Absent { .. }))
    }
}

impl From<DataError> for Error {
    /// Reading that was stopped on request is work that was.
    fn from(error: DataError) -> Self {
        match error {
            DataError::Interrupted { .. } => Error::Interrupted { phase: Phase::Load },
            other => Error::Data(other),
        }
    }
}

impl From<ReloadError> for Error {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Data(stopped @ DataError::Interrupted { .. }) => stopped.into(),
            other => Error::Reload(other),
        }
    }
}

/// Why a gradient falls no further, and what to do.
fn stuck(norm: f64, bound: f64, rounding: f64) -> String {
    if norm <= bound + rounding {
        return format!(
            "rounding in binary64 may be {rounding:e} of it, so that it is not known to be below the \
             {bound:e} asked for; ask for {:.0e} or more",
            2.0 * (norm + rounding)
        );
    }
    format!(
        "rounding explains no more than {rounding:e} of it. The inputs are of very different sizes, or \
         the penalty is too small beside them: scale the inputs, or give a larger penalty, or ask for \
         more than the {bound:e} asked for"
    )
}
