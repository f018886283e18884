//! Stable codes of everything that can be refused or go wrong.

use crate::error::Error;
use crate::key::KeyError;
use crate::ledger::{BudgetExceeded, LedgerError};
use crate::release::ReleaseError;
use rescind_certificate::TermsError;
use rescind_data::{DatasetError, ManifestError, ReloadError, RequestError};
use rescind_network::NetworkError;
use rescind_unlearn::Error as ModelError;
use serde::Serialize;

/// What whoever asked has to do with: their options, the guarantee, or something that went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeKind {
    /// What was asked makes no sense as it stands: a value out of range, a name nobody knows.
    Usage,
    /// The guarantee asked for cannot be given, or would be broken.
    Refused,
    /// Something else stands in the way, or went wrong.
    Failed,
    /// Nothing had to be done: the answer, rather than a failure.
    Nothing,
    /// What was asked was done; something after that went wrong.
    Done,
}

macro_rules! codes {
    ($($name:ident, $text:literal, $kind:ident, $meaning:literal;)*) => {
        /// A stable code: programs go by it, people by the message. Codes are added, and never
        /// change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// As it is written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }

            /// What whoever asked has to do with.
            #[must_use]
            pub fn kind(self) -> CodeKind {
                match self {
                    $(Code::$name => CodeKind::$kind,)*
                }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Code::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    Setting, "setting", Usage, "A setting is out of its range.";
    UnknownMethod, "unknown_method", Usage, "There is no method of this name.";
    MethodSettings, "method_settings", Usage, "The method does not have such settings.";
    NoNoise, "no_noise", Usage, "The method is made of noise, and nobody said how much.";
    NoCheckpoint, "no_checkpoint", Usage, "The run keeps no early checkpoint for the method to go back to.";
    KeyReused, "key_reused", Usage, "The idempotency key was used for another request.";
    RequestEmpty, "request_empty", Usage, "The request names no record.";
    RequestSyntax, "request_syntax", Usage, "The request cannot be read.";
    RequestOutOfRange, "request_out_of_range", Usage, "A position is beyond the records.";
    RequestTooMany, "request_too_many", Usage, "More random records were asked for than there are.";
    UnknownRecord, "unknown_record", Failed, "No record has this hash.";
    NoLines, "no_lines", Failed, "The records are not of a table, so that they have no lines.";
    UnknownLine, "unknown_line", Failed, "A line of the table is of no record.";
    NoSubjects, "no_subjects", Failed, "The records do not say whose they are.";
    UnknownSubject, "unknown_subject", Failed, "No record is of this subject.";
    NeverTrainedOn, "never_trained_on", Nothing, "All records asked for were kept for testing, or added since: there is nothing to forget.";
    NoClasses, "no_classes", Failed, "The records have no classes.";
    UnknownClass, "unknown_class", Failed, "No class has this name.";
    NotTrainedOn, "not_trained_on", Nothing, "The records named were held out for validation, and nothing depends on them.";
    AlreadyForgotten, "already_forgotten", Nothing, "The records named were forgotten by an earlier request.";
    ClassUntrained, "class_untrained", Usage, "A class was read off records none of which is trained on: the classes are to be declared.";
    ChoseTheEpoch, "chose_the_epoch", Failed, "Records named were held out for validation, and early stopping chose the epoch by them: no request takes that out of the weights.";
    ForgetsEverything, "forgets_everything", Failed, "Nothing would be left.";
    NothingPending, "nothing_pending", Failed, "Every request is covered by a release already.";
    NotProvable, "not_provable", Refused, "The model or the method would prove nothing.";
    NotPrepared, "not_prepared", Failed, "The model cannot be prepared so that requests are answered from their own records.";
    NoiseDestroys, "noise_destroys", Refused, "The promise needs noise that would destroy the model.";
    Budget, "budget", Refused, "The release would break a promise to an earlier request.";
    BudgetDiffers, "budget_differs", Usage, "The run has another budget than the one given.";
    DeltaOutOfRange, "delta_out_of_range", Refused, "No promise at this delta says anything, or none can be kept by the noise there is.";
    Terms, "terms", Refused, "No promise follows from the bounds and the noise.";
    ClassEmptied, "class_emptied", Refused, "A class that only forgotten records had would show, as the classes were read off the records.";
    OutsideBall, "outside_ball", Refused, "The weights lie outside the ball that the bound rests on.";
    ScalingFromRecords, "scaling_from_records", Refused, "The inputs' scaling was computed from the forgotten records.";
    Answered, "answered", Done, "The request was answered and stands; what came after that failed.";
    Interrupted, "interrupted", Failed, "The work was stopped on request.";
    ModelFailed, "model_failed", Failed, "The model raised an error of its own.";
    LacksCapability, "lacks_capability", Failed, "The model does not offer what this needs.";
    CannotMeasure, "cannot_measure", Failed, "The model does not measure itself.";
    NotANetwork, "not_a_network", Failed, "This takes a network that Rescind builds.";
    OtherKindOfModel, "other_kind_of_model", Failed, "The run is of another kind of model.";
    OtherModel, "other_model", Failed, "Model or records are not those the run was made with.";
    ModelDoesNotFit, "model_does_not_fit", Failed, "The network does not take these records.";
    Network, "network", Failed, "The network or its weights are not usable.";
    Data, "data", Failed, "The records cannot be loaded.";
    RecordsChanged, "records_changed", Failed, "Records that are still needed have changed or left their source.";
    RecordsGone, "records_gone", Failed, "What was asked needs the contents of records that have left their source.";
    Records, "records", Failed, "Sets of records do not fit together.";
    NoRecords, "no_records", Failed, "No record is left to compute on.";
    StartOutsideBall, "start_outside_ball", Failed, "The starting weights lie outside the ball.";
    Diverged, "diverged", Failed, "Training produced values that are not finite.";
    NoStep, "no_step", Failed, "The linear solve gave no usable step.";
    FitLost, "fit_lost", Failed, "No step that was found keeps the fit to the records that stay.";
    MostRecordsGo, "most_records_go", Failed, "More records would go than stay: training afresh is the better way.";
    GradientStuck, "gradient_stuck", Failed, "The gradient falls no further, and is above the norm asked for.";
    Solver, "solver", Failed, "A solver, preconditioner or spectrum cannot use its input.";
    Privacy, "privacy", Failed, "The privacy arithmetic refuses its input.";
    NoRun, "no_run", Failed, "The folder holds no run.";
    RunExists, "run_exists", Failed, "The folder holds a run already.";
    OtherConfig, "other_config", Failed, "The folder holds a run or a comparison of another configuration.";
    NotEmpty, "not_empty", Failed, "The folder is not empty and holds no run.";
    Busy, "busy", Failed, "Another process works on the run or the download.";
    Damaged, "damaged", Failed, "A file of the run is not what it should be.";
    Format, "format", Failed, "A file was written by another version.";
    StateAndLedgerDiffer, "state_and_ledger_differ", Failed, "Private state and ledger do not belong together.";
    Unfinished, "unfinished", Failed, "A process died while it worked on the run, which can be finished but not looked at.";
    NotPrivate, "not_private", Failed, "Others can read what is private of the run.";
    OpenAgain, "open_again", Failed, "The run must be opened again, which finishes or undoes the last step.";
    NothingTrained, "nothing_trained", Failed, "The run holds no weights yet.";
    IterateGone, "iterate_gone", Failed, "The private weights of that release were not kept.";
    NotReleased, "not_released", Failed, "The last request was not released.";
    CannotRepeat, "cannot_repeat", Failed, "The two sides of the release cannot be made again.";
    Inconsistent, "inconsistent", Failed, "A fact of the release contradicts another.";
    Io, "io", Failed, "The system refuses a file, a folder, a stream or a thread.";
    Storage, "storage", Failed, "What the run keeps for its methods cannot be read or written.";
    Ledger, "ledger", Failed, "The ledger's database refuses.";
    LedgerMissing, "ledger_missing", Failed, "The ledger is gone.";
    RunCopied, "run_copied", Failed, "The run was copied, restored or moved from where it was last written.";
    LedgerAltered, "ledger_altered", Failed, "The ledger was altered.";
    ReleaseMissing, "release_missing", Failed, "A recorded release is not on disk as it was recorded.";
    KeyMissing, "key_missing", Failed, "The signing key is gone.";
    KeyReplaced, "key_replaced", Failed, "The signing key is not the one that signed the run's releases.";
    KeyNotPrivate, "key_not_private", Failed, "Others can read the signing key.";
    KeyDamaged, "key_damaged", Failed, "The signing key is not a key.";
    NoRandomness, "no_randomness", Failed, "The operating system's generator failed.";
    Download, "download", Failed, "A dataset cannot be downloaded as it was published.";
    CannotAttack, "cannot_attack", Failed, "An attack cannot be fitted or scored.";
    CannotAudit, "cannot_audit", Failed, "The release cannot be audited.";
    Document, "document", Failed, "A document cannot be written.";
    Listen, "listen", Failed, "The desk cannot listen on this address.";
    DeskKey, "desk_key", Failed, "The desk's key cannot be used: gone, open to others, or not the one that its database was made with.";
    ThreadLost, "thread_lost", Failed, "A thread of the desk ended by a fault of the program: the desk has ended, to be started again.";
    Queue, "queue", Failed, "The desk's database refuses, or cannot be reached.";
    Unauthenticated, "unauthenticated", Usage, "The call carries no token that is valid.";
    Forbidden, "forbidden", Usage, "The token's role does not allow this.";
    UnknownToken, "unknown_token", Usage, "The desk has no token of this name.";
    UnknownPath, "unknown_path", Usage, "The desk serves nothing under this address.";
    UnknownModel, "unknown_model", Usage, "The desk has no model of this name.";
    UnknownRequest, "unknown_request", Usage, "The desk has no request of this name that the token may see.";
    UnknownRelease, "unknown_release", Usage, "The model has no such release, or the release no such file.";
    RunReplaced, "run_replaced", Failed, "The folder of a model's run holds another run than the one that the desk knows, or an earlier state of it.";
    ModelExists, "model_exists", Usage, "The desk has a model of this name, or of this run, already.";
    TooLate, "too_late", Usage, "The request is being answered, or was: it cannot be cancelled any more.";
    TooLarge, "too_large", Usage, "The call is larger than the desk takes.";
    TooOften, "too_often", Usage, "The token calls more often than the desk allows.";
}

impl Code {
    /// Whether weights or losses decide it. It is then a fact about the records, for those alone who may
    /// know them, and so is what was chosen because of it.
    #[must_use]
    pub fn tells_of_records(self) -> bool {
        matches!(
            self,
            Self::NoStep
                | Self::GradientStuck
                | Self::Diverged
                | Self::Solver
                | Self::FitLost
                | Self::NoiseDestroys
                | Self::OutsideBall
        )
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// What programs go by.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Error::Unlearn(error) => of_model(error),
            Error::Io(_) => Code::Io,
            Error::NoRun { .. } => Code::NoRun,
            Error::RunExists { .. } => Code::RunExists,
            Error::OtherConfig { .. } => Code::OtherConfig,
            Error::NotEmpty { .. } => Code::NotEmpty,
            Error::Busy { .. } => Code::Busy,
            Error::Damaged { .. } | Error::NotAsMade { .. } => Code::Damaged,
            Error::StateAndLedgerDiffer { .. }
            | Error::StateNotRecorded { .. }
            | Error::RetainedDiffer { .. } => Code::StateAndLedgerDiffer,
            Error::Answered { .. } => Code::Answered,
            Error::Unfinished { .. } => Code::Unfinished,
            Error::NotPrivate { .. } => Code::NotPrivate,
            Error::OpenAgain => Code::OpenAgain,
            Error::NothingTrained { .. } => Code::NothingTrained,
            Error::NotTrainedOn { held_out, .. } if held_out.is_empty() => Code::AlreadyForgotten,
            Error::NotTrainedOn { .. } => Code::NotTrainedOn,
            Error::ChoseTheEpoch { .. } => Code::ChoseTheEpoch,
            Error::ClassUntrained { .. } => Code::ClassUntrained,
            Error::ForgetsEverything { .. } => Code::ForgetsEverything,
            Error::IterateGone { .. } => Code::IterateGone,
            Error::NotReleased { .. } => Code::NotReleased,
            Error::CannotRepeat { .. } => Code::CannotRepeat,
            Error::KeyReused { .. } => Code::KeyReused,
            Error::OtherKindOfModel { .. } => Code::OtherKindOfModel,
            Error::OtherModel { .. } => Code::OtherModel,
            Error::OtherColumns { .. } => Code::ModelDoesNotFit,
            Error::NotANetwork { .. } => Code::NotANetwork,
            Error::WideInputs { source, .. } => source.code(),
            Error::CannotMeasure => Code::CannotMeasure,
            Error::Document(_) => Code::Document,
            Error::Key(error) => of_key(error),
            Error::Release(error) => of_release(error),
            Error::Ledger(error) => of_ledger(error),
            Error::Format { .. } => Code::Format,
        }
    }
}

fn of_model(error: &ModelError) -> Code {
    match error {
        ModelError::Model(_) => Code::ModelFailed,
        ModelError::Lacks { .. } => Code::LacksCapability,
        ModelError::Network(NetworkError::Threads { .. }) => Code::Io,
        ModelError::Network(_) => Code::Network,
        ModelError::Dataset(DatasetError::Absent { .. }) => Code::RecordsGone,
        ModelError::Data(_) | ModelError::Dataset(_) => Code::Data,
        ModelError::Manifest(error) | ModelError::Reload(ReloadError::Manifest(error)) => {
            of_manifest(error)
        }
        ModelError::Reload(ReloadError::Data(_)) => Code::Data,
        ModelError::Selection(_) | ModelError::Standardisation(_) => Code::Records,
        ModelError::Request(error) => of_request(error),
        ModelError::Privacy(_) => Code::Privacy,
        ModelError::Solve(_) | ModelError::Preconditioner(_) | ModelError::Spectrum(_) => {
            Code::Solver
        }
        ModelError::Setting { .. } => Code::Setting,
        ModelError::UnknownMethod { .. } => Code::UnknownMethod,
        ModelError::MethodSettings { .. } => Code::MethodSettings,
        ModelError::NoRecords => Code::NoRecords,
        ModelError::ModelDoesNotFit { .. } => Code::ModelDoesNotFit,
        ModelError::NoRandomness { .. } => Code::NoRandomness,
        ModelError::StartOutsideBall { .. } => Code::StartOutsideBall,
        ModelError::Diverged { .. } => Code::Diverged,
        ModelError::NoStep { .. } => Code::NoStep,
        ModelError::FitLost { .. } => Code::FitLost,
        ModelError::MostRecordsGo { .. } => Code::MostRecordsGo,
        ModelError::NoNoise { .. } => Code::NoNoise,
        ModelError::NoCheckpoint => Code::NoCheckpoint,
        ModelError::NotProvable { .. } => Code::NotProvable,
        ModelError::NotPrepared { .. } => Code::NotPrepared,
        ModelError::GradientStuck { .. } => Code::GradientStuck,
        ModelError::Interrupted { .. } => Code::Interrupted,
        // Also what a later version of that crate may add.
        _ => Code::Storage,
    }
}

fn of_manifest(error: &ManifestError) -> Code {
    match error {
        ManifestError::Split(_) => Code::Setting,
        ManifestError::Document { .. }
        | ManifestError::Root { .. }
        | ManifestError::Altered { .. }
        | ManifestError::Unread { .. } => Code::Damaged,
        // Also what a later version of that crate may add.
        _ => Code::RecordsChanged,
    }
}

fn of_request(error: &RequestError) -> Code {
    match error {
        RequestError::Empty => Code::RequestEmpty,
        RequestError::OutOfRange { .. } => Code::RequestOutOfRange,
        RequestError::NotPresent(_) => Code::NotTrainedOn,
        RequestError::UnknownHash(_) => Code::UnknownRecord,
        RequestError::NoLines => Code::NoLines,
        RequestError::UnknownLine { .. } => Code::UnknownLine,
        RequestError::NoSubjects => Code::NoSubjects,
        RequestError::UnknownSubject => Code::UnknownSubject,
        RequestError::NeverTrainedOn { .. } | RequestError::AddedSince { .. } => {
            Code::NeverTrainedOn
        }
        RequestError::NoClasses => Code::NoClasses,
        RequestError::UnknownClass { .. } => Code::UnknownClass,
        RequestError::TooMany { .. } => Code::RequestTooMany,
        RequestError::Manifest(error) => of_manifest(error),
        _ => Code::RequestSyntax,
    }
}

fn of_key(error: &KeyError) -> Code {
    match error {
        KeyError::Disk(_) => Code::Io,
        KeyError::NotPrivate { .. } => Code::KeyNotPrivate,
        KeyError::Missing { .. } => Code::KeyMissing,
        KeyError::Replaced { .. } => Code::KeyReplaced,
        KeyError::Damaged { .. } => Code::KeyDamaged,
        KeyError::NoRandomness { .. } => Code::NoRandomness,
    }
}

fn of_release(error: &ReleaseError) -> Code {
    match error {
        ReleaseError::Refused(_) => Code::NoiseDestroys,
        ReleaseError::Budget(error) => of_budget(error),
        ReleaseError::Terms(TermsError::DeltaTooLarge { .. }) => Code::DeltaOutOfRange,
        ReleaseError::Terms(_) => Code::Terms,
        ReleaseError::Privacy(_) => Code::Privacy,
        ReleaseError::OutsideBall { .. } => Code::OutsideBall,
        ReleaseError::Vector { .. } | ReleaseError::Inconsistent { .. } => Code::Inconsistent,
        ReleaseError::Statistics { .. } => Code::Records,
        ReleaseError::ScalingFromRecords => Code::ScalingFromRecords,
        ReleaseError::OutOfTurn { .. } => Code::OpenAgain,
        ReleaseError::NoRecords { .. } => Code::RequestEmpty,
        ReleaseError::NothingPending => Code::NothingPending,
        ReleaseError::ClassEmptied { .. } => Code::ClassEmptied,
        ReleaseError::NoRandomness { .. } => Code::NoRandomness,
        ReleaseError::Ledger(error) => of_ledger(error),
        ReleaseError::Key(error) => of_key(error),
        ReleaseError::Disk(_) => Code::Io,
        ReleaseError::Tensors(_) | ReleaseError::Envelope(_) | ReleaseError::Json(_) => {
            Code::Document
        }
        #[cfg(test)]
        ReleaseError::BrokenOff => Code::Interrupted,
    }
}

fn of_budget(error: &BudgetExceeded) -> Code {
    match error {
        BudgetExceeded::Unusable(_) | BudgetExceeded::Empty { .. } => Code::Privacy,
        BudgetExceeded::Another { .. } => Code::BudgetDiffers,
        BudgetExceeded::Epsilon { .. }
        | BudgetExceeded::Seeded
        | BudgetExceeded::Delta { .. }
        | BudgetExceeded::Spent { .. } => Code::Budget,
    }
}

fn of_ledger(error: &LedgerError) -> Code {
    match error {
        LedgerError::Database { .. } => Code::Ledger,
        LedgerError::Missing { .. } => Code::LedgerMissing,
        LedgerError::Copied { .. } => Code::RunCopied,
        LedgerError::Version { .. } => Code::Format,
        LedgerError::Altered { .. } | LedgerError::NoRelease { .. } => Code::LedgerAltered,
        LedgerError::ReleaseMissing { .. } => Code::ReleaseMissing,
        LedgerError::Entry(_) => Code::Document,
        LedgerError::Accounting(_) => Code::Privacy,
        LedgerError::Disk(_) => Code::Io,
    }
}
