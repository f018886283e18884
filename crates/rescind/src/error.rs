//! What can go wrong in a run.

use crate::disk::DiskError;
use crate::ledger::LedgerError;
use crate::observer::Phase;
use crate::release::ReleaseError;
use rescind_curvature::{Ending, InvalidSetting, PreconditionerError, SolveError, SpectrumError};
use rescind_data::{
    DataError, DatasetError, ManifestError, RequestError, SelectionError, SplitError,
    StandardisationError,
};
use rescind_network::NetworkError;
use rescind_privacy::PrivacyError;
use std::path::PathBuf;

/// Why a run could not do what was asked. Every message names the thing, what was found, what was
/// expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network or its weights.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Loading records.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Records that do not form a dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The manifest, or data that are no longer those it lists.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Sets of records.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The validation split.
    #[error(transparent)]
    Split(#[from] SplitError),
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
    /// A method whose noise is part of it, without a release to say how much.
    #[error(
        "the method {method} is made of noise: say how much by the promise (epsilon and delta) or \
         by sigma"
    )]
    NoNoise {
        /// The method.
        method: &'static str,
    },
    /// A convex model, or a method for one, that would prove nothing.
    #[error("refused: {reason}")]
    NotProvable {
        /// What stands in the way, and what would not.
        reason: String,
    },
    /// A strongly convex objective whose gradient no longer falls.
    #[error(
        "the gradient's norm is {norm:e} and falls no further: rounding in binary64 keeps it above \
         the {bound:e} asked for; ask for a larger one"
    )]
    GradientStuck {
        /// The norm reached.
        norm: f64,
        /// The norm asked for.
        bound: f64,
    },
    /// The observer said stop.
    #[error(
        "stopped on request during: {phase}; what is on disk is consistent, run it again to go on"
    )]
    Interrupted {
        /// What was being done.
        phase: Phase,
    },

    /// A file or folder of the run that the system refuses.
    #[error(transparent)]
    Io(#[from] DiskError),
    /// The folder holds no run.
    #[error(
        "{path} holds no run (no run.json): create one by training or importing a model into it"
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is taken.
    #[error("{path} holds a run already: open it, or choose another folder")]
    RunExists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a run of another configuration.
    #[error(
        "{path} holds a run whose {differs} is another: open it as it is, or choose another folder"
    )]
    OtherConfig {
        /// The folder.
        path: PathBuf,
        /// What differs.
        differs: &'static str,
    },
    /// The folder is not empty, nor a run.
    #[error("{path} is not empty and holds no run: choose a new or empty folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Another process works on the run.
    #[error("{path} is in use by process {holder}: wait for it or end it, then try again")]
    Busy {
        /// The run.
        path: PathBuf,
        /// The process, as it wrote itself down.
        holder: String,
    },
    /// A file of the run that is not what it should be.
    #[error("{path} is damaged: {reason}; restore it from a copy")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Weights on disk and ledger may have parted in this process.
    #[error(
        "an earlier failure left the run half written in memory: open it again, which finishes or undoes the step"
    )]
    OpenAgain,
    /// A run without weights yet.
    #[error("{path} holds no weights yet: train first")]
    NothingTrained {
        /// The run.
        path: PathBuf,
    },
    /// Records that were named and are not trained on, so that there is nothing to forget.
    #[error(
        "the request names records that the model is not trained on: {}{}leave them out of the \
         request",
        clause("held out for validation, never trained on", held_out),
        clause("forgotten already", forgotten)
    )]
    NotTrainedOn {
        /// Positions held out for validation, as ranges; empty if none.
        held_out: String,
        /// Positions forgotten before, as ranges; empty if none.
        forgotten: String,
    },
    /// A request that leaves nothing.
    #[error(
        "the request names all {records} records the model is trained on: nothing would be left; delete the model instead"
    )]
    ForgetsEverything {
        /// How many there are.
        records: usize,
    },
    /// Private weights that were not kept.
    #[error(
        "the private weights of release {release} are not in the run: only the newest are, unless \
         the run keeps its iterates"
    )]
    IterateGone {
        /// The release.
        release: u64,
    },
    /// The last request was not released.
    #[error(
        "request {request} was not released, so there is no promise to look at: release it first \
         (0 means that nothing was asked for yet)"
    )]
    NotReleased {
        /// The last request; 0 if there is none.
        request: u64,
    },
    /// A run whose releases cannot be drawn again.
    #[error("the two sides of this release cannot be made again: {reason}")]
    CannotRepeat {
        /// Why.
        reason: &'static str,
    },
    /// A release that is refused or fails.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The run's ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A run made by another version.
    #[error(
        "{path} has format {found}, this version reads {expected}: use the version that made it"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Format found.
        found: u32,
        /// Format read.
        expected: u32,
    },
}

fn clause(what: &str, positions: &str) -> String {
    if positions.is_empty() {
        String::new()
    } else {
        format!("{what}: {positions}; ")
    }
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
