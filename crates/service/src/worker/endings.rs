//! What follows from what a run says.

use rescind::{Code, CodeKind};

/// What to do with a batch that its run did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was answered, or may have been: open the run again and ask again, under the same key.
    AskAgain,
    /// There is nothing to forget any more: look at every request by itself again.
    LookAgain,
    /// Something about the run or the machine: later it may go well.
    Later,
    /// The release is refused: forget without one.
    WithoutRelease,
    /// The method fails: another may not.
    OtherMethod,
    /// An operator has to see to it.
    Hold,
}

/// By the code alone: every code has its ending.
pub(super) fn ending(code: Code) -> Ending {
    match code {
        Code::Answered | Code::OpenAgain => Ending::AskAgain,
        _ if code.kind() == CodeKind::Nothing => Ending::LookAgain,
        Code::Busy
        | Code::Io
        | Code::Storage
        | Code::Ledger
        | Code::LedgerMissing
        | Code::LedgerAltered
        | Code::RunCopied
        | Code::ReleaseMissing
        | Code::Interrupted
        | Code::Unfinished
        | Code::NotPrivate
        | Code::Damaged
        | Code::Format
        | Code::StateAndLedgerDiffer
        | Code::NoRun
        | Code::NothingTrained
        | Code::KeyMissing
        | Code::KeyReplaced
        | Code::KeyNotPrivate
        | Code::KeyDamaged
        | Code::NoRandomness
        | Code::Data
        | Code::ModelFailed
        | Code::RecordsChanged
        | Code::Queue => Ending::Later,
        Code::Budget
        | Code::BudgetDiffers
        | Code::NoiseDestroys
        | Code::DeltaOutOfRange
        | Code::Terms
        | Code::ClassEmptied
        | Code::OutsideBall
        | Code::ScalingFromRecords
        | Code::Privacy => Ending::WithoutRelease,
        Code::NoStep
        | Code::GradientStuck
        | Code::Diverged
        | Code::Solver
        | Code::NotProvable
        | Code::NotPrepared
        | Code::NoCheckpoint
        | Code::LacksCapability
        | Code::RecordsGone
        | Code::Network => Ending::OtherMethod,
        _ => Ending::Hold,
    }
}
