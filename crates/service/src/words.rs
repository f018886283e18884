//! What of an error leaves the process: for the log, alerts, the database, the audit log, and whoever calls.
//!
//! The words of an error may carry what weights or records decided, such as a loss or a norm: un-noised, and
//! drawn anew with every try. So only the words of codes that speak of settings, files, the ledger or the
//! system go out; every other says what its code means, and no more.

use crate::error::ServiceError;
use rescind::{Code, CodeKind, Error};

/// What is told of an error.
pub(crate) fn said(error: &ServiceError) -> String {
    match error {
        ServiceError::Library(error) => told(error.code(), &error.to_string()),
        // The desk's own words.
        error => error.to_string(),
    }
}

/// The same of the library's.
pub(crate) fn said_by_run(error: &Error) -> String {
    told(error.code(), &error.to_string())
}

/// What is told of words that come with a code.
pub(crate) fn told(code: Code, words: &str) -> String {
    match (are_public(code), code.tells_of_records()) {
        (true, _) => words.to_owned(),
        (false, true) => format!(
            "{} By how much stays with the run: rescind forget and rescind release say it on its machine.",
            code.meaning()
        ),
        (false, false) => code.meaning().to_owned(),
    }
}

/// What whoever calls is told of an error: also words about what they named themselves.
pub(crate) fn told_to_caller(error: &Error) -> String {
    match speaks_of_request(error.code()) {
        true => error.to_string(),
        false => said_by_run(error),
    }
}

/// Whether a code's words speak of what a request names.
fn speaks_of_request(code: Code) -> bool {
    code.kind() == CodeKind::Nothing
        || matches!(
            code,
            Code::RequestEmpty
                | Code::RequestSyntax
                | Code::RequestOutOfRange
                | Code::RequestTooMany
                | Code::KeyReused
                | Code::UnknownRecord
                | Code::NoLines
                | Code::UnknownLine
                | Code::NoSubjects
                | Code::UnknownSubject
                | Code::NoClasses
                | Code::UnknownClass
        )
}

/// Whether a code's words say nothing that weights or records decided, nor what a request names. A code
/// that is not here keeps its words.
fn are_public(code: Code) -> bool {
    matches!(
        code,
        // Settings, and what the ledger has for everybody.
        Code::Setting
            | Code::UnknownMethod
            | Code::MethodSettings
            | Code::NoNoise
            | Code::NoCheckpoint
            | Code::NothingPending
            | Code::BudgetDiffers
            | Code::LacksCapability
            | Code::MostRecordsGo
            | Code::NotANetwork
            | Code::OtherKindOfModel
            | Code::OtherModel
            // Files and folders, and who has them.
            | Code::NoRun
            | Code::RunExists
            | Code::OtherConfig
            | Code::NotEmpty
            | Code::Busy
            | Code::Format
            | Code::Unfinished
            | Code::NotPrivate
            | Code::OpenAgain
            | Code::NothingTrained
            | Code::NotReleased
            | Code::IterateGone
            | Code::Io
            | Code::Ledger
            | Code::LedgerMissing
            | Code::LedgerAltered
            | Code::RunCopied
            | Code::RunReplaced
            | Code::ReleaseMissing
            | Code::KeyMissing
            | Code::KeyReplaced
            | Code::KeyNotPrivate
            | Code::KeyDamaged
            | Code::NoRandomness
            | Code::Interrupted
            // The desk's own.
            | Code::Listen
            | Code::DeskKey
            | Code::ThreadLost
            | Code::Queue
            | Code::Unauthenticated
            | Code::Forbidden
            | Code::UnknownToken
            | Code::UnknownPath
            | Code::UnknownModel
            | Code::UnknownRequest
            | Code::UnknownRelease
            | Code::ModelExists
            | Code::TooLate
            | Code::TooLarge
            | Code::TooOften
    )
}

#[cfg(test)]
mod tests {
    use super::{said, speaks_of_request, told, told_to_caller};
    use crate::error::ServiceError;
    use rescind::{Code, Error, ModelError};

    const FIGURE: &str = "2.33078";

    #[test]
    fn what_weights_records_or_requests_decided_stays() {
        for &code in Code::ALL {
            let words = told(code, FIGURE);
            let stays = code.tells_of_records()
                || speaks_of_request(code)
                || [
                    Code::Answered,
                    Code::Budget,
                    Code::ChoseTheEpoch,
                    Code::ClassEmptied,
                    Code::ClassUntrained,
                    Code::Damaged,
                    Code::Data,
                    Code::Inconsistent,
                    Code::ModelFailed,
                    Code::Network,
                    Code::NotProvable,
                    Code::Privacy,
                    Code::Records,
                    Code::RecordsChanged,
                    Code::RecordsGone,
                    Code::ScalingFromRecords,
                    Code::StartOutsideBall,
                    Code::StateAndLedgerDiffer,
                    Code::Storage,
                    Code::Terms,
                ]
                .contains(&code);
            assert!(
                !stays || words.starts_with(code.meaning()),
                "{code:?}: {words}"
            );
            assert!(!(stays && words.contains(FIGURE)), "{code:?}: {words}");
        }
        assert_eq!(told(Code::Io, FIGURE), FIGURE);
    }

    #[test]
    fn an_exact_norm_is_told_to_nobody() {
        let stuck = || {
            Error::from(ModelError::GradientStuck {
                norm: 0.0123,
                bound: 0.01,
                rounding: 0.0,
            })
        };
        assert!(stuck().to_string().contains("1.23e-2"));
        let words = [said(&ServiceError::from(stuck())), told_to_caller(&stuck())];
        for words in words {
            assert!(words.starts_with(Code::GradientStuck.meaning()), "{words}");
            assert!(!words.contains("1.23"), "{words}");
        }
    }
}
