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
    /// Settings and public numbers rule the method out: another may do. What it meets on the way is a
    /// fact about the records, and which method was used is published: then an operator has to see to it.
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
        | Code::RunReplaced
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
        Code::MostRecordsGo
        | Code::NotProvable
        | Code::NotPrepared
        | Code::NoCheckpoint
        | Code::LacksCapability
        | Code::RecordsGone => Ending::OtherMethod,
        _ => Ending::Hold,
    }
}

/// Whether a batch is halved that its run refuses with this code: where it follows from who is in it and
/// how many there are. How many answers a run gave is published, so that what a step met in the records
/// must not decide it.
pub(super) fn splits(code: Code) -> bool {
    code.kind() == CodeKind::Nothing
        || matches!(code, Code::ForgetsEverything | Code::ChoseTheEpoch)
}

#[cfg(test)]
mod tests {
    use super::{Ending, ending, splits};
    use rescind::Code;

    /// Which method was used is published, and in how many answers: what a step met in the records must not decide it.
    #[test]
    fn what_a_step_meets_in_the_records_waits_for_an_operator() {
        for &code in Code::ALL.iter().filter(|code| code.tells_of_records()) {
            assert_ne!(ending(code), Ending::OtherMethod, "{code:?}");
            assert!(!splits(code), "{code:?}");
        }
        assert_eq!(ending(Code::NoStep), Ending::Hold);
        for code in [Code::MostRecordsGo, Code::NotProvable, Code::NoCheckpoint] {
            assert_eq!(ending(code), Ending::OtherMethod, "{code:?}");
        }
    }
}
