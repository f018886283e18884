//! What can go wrong in a run.

use crate::disk::DiskError;
use crate::key::KeyError;
use crate::ledger::LedgerError;
use crate::release::ReleaseError;
use crate::shell::word;
use rescind_curvature::SpectrumError;
use rescind_data::{
    DataError, DatasetError, Digest, ManifestError, ReloadError, RequestError, SelectionError,
    StandardisationError,
};
use rescind_network::NetworkError;
use rescind_privacy::PrivacyError;
use std::path::PathBuf;

/// Why a run could not do what was asked. Every message names the thing, what was found, what was
/// expected and what to do; [`code`](Error::code) is what programs go by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model or a method.
    #[error(transparent)]
    Unlearn(rescind_unlearn::Error),

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
    #[error(
        "{path} holds a run already: go on with it (`rescind train --resume {}`), or choose another \
         folder",
        word(path)
    )]
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
    /// A file of the run that is another than the one it was made with.
    #[error(
        "{path} is not what the run was made with (its hash is {found}, the ledger says \
         {expected}): it was edited, or is another run's. Restore it from a copy"
    )]
    NotAsMade {
        /// The file.
        path: PathBuf,
        /// Its hash; `none` where there is none.
        found: String,
        /// The hash in the ledger; `none` where there was none.
        expected: String,
    },
    /// Private state and ledger that do not belong together.
    #[error(
        "the private state has answered {state} requests and the ledger records {ledger}: one of \
         them is not this run's; restore both from one copy"
    )]
    StateAndLedgerDiffer {
        /// Requests the private state has answered.
        state: u64,
        /// Requests in the ledger.
        ledger: u64,
    },
    /// Something that went wrong once a request or a release was recorded, which stands.
    #[error(
        "request {number} was answered, and stands; what came after that failed ({source}). Whatever \
         is done with the run next finishes it: `rescind status {}` shows where it stands",
        word(path)
    )]
    Answered {
        /// The run.
        path: PathBuf,
        /// The request, the last one covered where only a release was asked for.
        number: u64,
        /// What failed.
        source: Box<Error>,
    },
    /// A run that is only looked at, and was left half done.
    #[error(
        "a process died while it worked on {path}, and the last step is half done: open it to work \
         on it once (rescind evaluate, say), which finishes the step, and look again"
    )]
    Unfinished {
        /// The run.
        path: PathBuf,
    },
    /// Private files that are not private.
    #[error(
        "{path} can be read by others (mode {mode:o}): whoever read the private weights knows what \
         no noise hides. If nobody did, close it: chmod -R go-rwx {} {}",
        word(&root.join("private")),
        word(&root.join("ledger.sqlite"))
    )]
    NotPrivate {
        /// The run.
        root: PathBuf,
        /// The first such file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A private state that the ledger does not name.
    #[error(
        "{path} is not the private state that the ledger names (its record has hash {found}, the \
         ledger says {expected}): it was edited, or is of another time. Restore the private state \
         and the ledger from one copy"
    )]
    StateNotRecorded {
        /// The record of the newest private state, or where it should be.
        path: PathBuf,
        /// Its hash; `none` where there is none.
        found: String,
        /// The hash in the ledger; `none` where it names no state.
        expected: String,
    },
    /// Records trained on that do not follow from what else the run says.
    #[error(
        "the private state is trained on {stated} records, and other records ({computed}) are left \
         of those in run.json's training part without those the ledger says are forgotten: \
         run.json or the list of forgotten records was edited. Restore the run from one copy"
    )]
    RetainedDiffer {
        /// How many the private state says.
        stated: u64,
        /// How many are left.
        computed: u64,
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
    /// Records that were not trained on, and yet shaped the weights.
    #[error(
        "records {held_out} were held out for validation, and early stopping chose the epoch by \
         them: the weights depend on them, and no request takes that out. Train a new run without \
         them{}",
        match trained.as_str() {
            "" => String::new(),
            others => format!("; of the others named this one is trained: --records {others}"),
        }
    )]
    ChoseTheEpoch {
        /// Their positions, as ranges.
        held_out: String,
        /// The others that were named and are trained on, as ranges; empty if none.
        trained: String,
    },
    /// A class that nobody declared, and that no record trained on has.
    #[error(
        "class {class:?} was read off records none of which is trained on (kept for testing or \
         validation, or left out): the model would have an output that only these people explain. \
         Declare the classes there can be (--classes), or take those records out"
    )]
    ClassUntrained {
        /// Its name.
        class: String,
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
    /// A key that was used for another request.
    #[error(
        "the key {key:?} was used for request {request}, which asked for something else: give every \
         request a key of its own"
    )]
    KeyReused {
        /// The key.
        key: String,
        /// The request it was used for.
        request: u64,
    },
    /// A run of another kind of model than the caller opens it with.
    #[error("{path} is a run of {found}: open it {advice}")]
    OtherKindOfModel {
        /// The run.
        path: PathBuf,
        /// What kind of model it is of.
        found: &'static str,
        /// How to open it.
        advice: &'static str,
    },
    /// A model or records other than those the run was made with.
    #[error(
        "{path} was made with another {differs}: bring the model and the records that it was made \
         with"
    )]
    OtherModel {
        /// The run.
        path: PathBuf,
        /// What differs.
        differs: &'static str,
    },
    /// A table whose columns are not those of the run.
    #[error(
        "{source_text} makes other inputs than the records of the run: its columns are {}, those of the \
         run {}: give the same columns in the same order, with the options of the run's own source",
        found.join(", "), expected.join(", ")
    )]
    OtherColumns {
        /// The source given.
        source_text: String,
        /// Its columns, as options write them.
        found: Vec<String>,
        /// Those of the run.
        expected: Vec<String>,
    },
    /// What only networks can be asked for.
    #[error("this takes a network that Rescind builds, and the run is of an outside model: {what}")]
    NotANetwork {
        /// What was asked for.
        what: &'static str,
    },
    /// A model that does not say how it does.
    #[error("the model does not measure itself: implement Model::measure, or measure it outside")]
    CannotMeasure,
    /// What went wrong in the arithmetic of a model whose inputs are large.
    #[error(
        "{source}. The inputs are large: column `{column}` goes from {low} to {high}, unscaled. Train \
         again with --scaling computed, or declare in the data source the range that was known before \
         the records were: &range={column}:LOW:HIGH"
    )]
    WideInputs {
        /// The first such column.
        column: String,
        /// The least of its numbers.
        low: f32,
        /// The greatest.
        high: f32,
        /// What went wrong.
        source: Box<Error>,
    },
    /// A document that cannot be written as JSON.
    #[error("a document cannot be written as JSON: {0}")]
    Document(serde_json::Error),
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
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

impl From<rescind_unlearn::Error> for Error {
    /// An error of a run that went through a method comes back as itself.
    fn from(error: rescind_unlearn::Error) -> Self {
        match error {
            rescind_unlearn::Error::Storage(failure) => match failure.downcast::<Error>() {
                Ok(own) => *own,
                Err(failure) => Error::Unlearn(rescind_unlearn::Error::Storage(failure)),
            },
            other => Error::Unlearn(other),
        }
    }
}

/// A digest, or that there is none.
fn said(digest: Option<Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
}

impl Error {
    /// A private state whose record has another digest than the ledger says.
    pub(crate) fn not_recorded(
        path: PathBuf,
        found: Option<Digest>,
        expected: Option<Digest>,
    ) -> Self {
        Self::StateNotRecorded {
            path,
            found: said(found),
            expected: said(expected),
        }
    }

    /// A file that has another digest than when the run was made.
    pub(crate) fn not_as_made(
        path: PathBuf,
        found: Option<Digest>,
        expected: Option<Digest>,
    ) -> Self {
        Self::NotAsMade {
            path,
            found: said(found),
            expected: said(expected),
        }
    }

    /// Whether the system does not let this user read or write something.
    pub(crate) fn is_of_permissions(&self) -> bool {
        let disk = match self {
            Error::Io(disk)
            | Error::Key(KeyError::Disk(disk))
            | Error::Ledger(LedgerError::Disk(disk)) => disk,
            _ => return false,
        };
        disk.source.kind() == std::io::ErrorKind::PermissionDenied
    }
}

impl From<Error> for rescind_unlearn::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Unlearn(own) => own,
            other => rescind_unlearn::Error::Storage(Box::new(other)),
        }
    }
}

macro_rules! through {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                rescind_unlearn::Error::from(error).into()
            }
        }
    )*};
}

through!(
    DataError,
    DatasetError,
    ManifestError,
    NetworkError,
    PrivacyError,
    ReloadError,
    RequestError,
    SelectionError,
    SpectrumError,
    StandardisationError,
);
