//! A deletion desk: receives deletion requests over HTTP, and has every registered model answer them.
//!
//! [`serve`] runs a desk until it is told to end. What it is acknowledged to have received is on the
//! disk, in SQLite or PostgreSQL; workers take one model each, answer what waits by the model's
//! [`Policy`](policy::Policy) and make its releases. Every batch is written down before its run is
//! asked, under the name that is the run's idempotency key: whatever dies when, nothing is lost and
//! nothing is answered twice.
#![warn(missing_docs)]

mod api;
mod audit;
mod clock;
mod connections;
mod dashboard;
mod desk;
mod error;
mod given;
mod known_run;
mod limiter;
mod marker;
mod messenger;
mod metrics;
mod notice;
pub mod policy;
mod promise_kept;
mod promises;
mod queue;
mod reach;
mod registering;
mod secret;
mod serving;
mod settings;
mod state;
mod store;
mod threads;
mod tls;
mod token;
mod tokens;
mod watching;
mod web;
mod words;
mod worker;

pub use api::openapi;
pub use error::ServiceError;
pub use notice::Notice;
pub use serving::serve;
pub use settings::{Limits, ModelGiven, Settings};
pub use tls::TlsFiles;
pub use token::{Role, TokenListed};
pub use tokens::Tokens;
pub use worker::{Claimed, OutsideWorker};
