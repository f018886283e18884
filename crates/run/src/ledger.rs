//! The ledger of a run: every request, release and certificate, in order, for good.
//!
//! One SQLite table takes entries at its end only: triggers refuse every update, deletion and
//! insertion elsewhere. Every entry holds the digest of the one before, so history edited around
//! the triggers is noticed by every later use; whoever rewrites the whole chain still contradicts
//! the certificates already handed out, each of which quotes the chain's head. What is private of
//! the requests lies in a second database under `private/`, and changes in the same transaction.

mod answers;
mod budget;
mod chain;
mod database;
mod entry;
mod error;
mod history;
mod link;
mod private;
mod recovery;
mod schema;
mod standing;
mod store;
#[cfg(test)]
mod tests;

pub use budget::BudgetExceeded;
pub use entry::{
    Budget, BudgetEntry, CertificateEntry, Entry, KeyEntry, MadeEntry, PlaceEntry, ReleaseEntry,
    RequestEntry, TrainedEntry,
};
pub use error::LedgerError;
pub use history::{History, Recorded};
pub use private::PrivateRow;
pub use recovery::{Recovered, recover};
pub use standing::Standing;
pub use store::Ledger;

pub(crate) use database::{SUPER_JOURNAL, private_file};
pub(crate) use private::answer_digest;
pub(crate) use recovery::{
    content_digest, nothing_unknown, publish, release_folder, staging_folder,
};
pub(crate) use store::Document;
