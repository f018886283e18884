//! Runs on disk: private state, ledger, the noise mechanism, and the requests they answer.
//!
//! A [`Run`] is a session: opened once, it answers one request after another. [`release`] is the
//! one way from private weights to released ones; [`ledger`] remembers every promise for good;
//! [`verify`](mod@verify) checks a certificate against all of it.
#![warn(missing_docs)]

// Unit and integration tests share their support, which speaks of `rescind_run`.
#[cfg(test)]
extern crate self as rescind_run;

mod code;
mod disk;
mod error;
#[doc(hidden)]
pub mod fault;
mod json;
mod key;
pub mod ledger;
mod lock;
pub mod mark;
pub mod plan;
pub mod release;
mod request;
mod run;
mod shell;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
mod tensors;
pub mod threads;
mod time;
pub mod verify;

pub use code::{Code, CodeKind};
pub use disk::DiskError;
pub use error::Error;
pub use key::{KeyError, RunKey};
pub use request::{Answer, Answered, Effect, ReleaseChoice, Request};
pub use run::{
    Amendment, Decisions, Evaluation, Held, HeldNow, Holdings, InputDecision, OutsideRecords,
    PrivateModel, Purged, Reference, Resolved, Run, RunConfig, RunSettings, Sets, Sides, Spectrum,
    SpectrumSettings, StateRecord, Summary, WideColumn,
};
pub use shell::word;
pub use tensors::TensorsError;
