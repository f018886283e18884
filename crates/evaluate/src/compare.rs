//! Many methods on one request, over several seeds, side by side.
//!
//! [`compare()`] works in a folder: `comparison.json` is what is compared, `cells/` holds one file
//! per seed and method, written in one step when it is done, and `results.json`, `results.csv`,
//! `results.md`, the page `results.html` and `figures/` what they come to. Ended at any point, it
//! goes on where it was. Un-noised weights stay in the `private/` of the runs under `seeds/`.

mod bench;
mod cell;
mod config;
mod drive;
mod error;
mod estimate;
mod files;
mod measure;
mod metrics;
mod missing;
mod overlay;
mod page;
mod results;
mod shadows;
mod sisa;
mod store;
mod tables;

pub use cell::{Cell, CellKind, Fidelity, Promise, SetFidelity};
pub use config::{Comparison, Entry, Likelihood, MethodChoice};
pub use drive::{Stage, Watcher, compare};
pub use error::CompareError;
pub use missing::Missing;
pub use results::{Results, Row, Spread};
pub use sisa::{KeptIn, Member, Sisa};
