//! Requests answered from their own records: what a head keeps of all others is sums, made once,
//! which lose a record by subtraction (docs/theory.md §11).

mod file;
mod head;
mod make;
mod request;

pub use make::{Preparation, prepare};
pub(crate) use request::forget;

use crate::error::Error;
use head::Head;
use rescind_data::Digest;

/// What is kept in memory from request to request: a head, and the weights and records it is of.
struct Remembered {
    key: Digest,
    head: Head,
    /// Name of its factor on disk.
    factor: String,
}

/// Identifies the weights and records that something is kept for: within a run fewer records stay
/// with every request, so that weights and number tell them apart.
fn key(w: &[f64], retained: usize) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for w in w {
        hasher.update(&w.to_le_bytes());
    }
    hasher.update(&(retained as u64).to_le_bytes());
    Digest::from(*hasher.finalize().as_bytes())
}

fn storage(reason: &str) -> Error {
    Error::Storage(reason.to_owned().into())
}
