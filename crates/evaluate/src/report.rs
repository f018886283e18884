//! Reports: what a run promises, what it measures, and how one follows from the other, on one page
//! that needs no network.
//!
//! A [`Report`] is data; [`Report::to_html`] makes the page and [`Report::write_figures`] the
//! picture files. [`of_run`] fills one from a run, [`Results::report`](crate::compare::Results::report)
//! one from a comparison.

mod chart;
mod files;
mod html;
mod page;
mod png;
pub(crate) mod roc;
mod run;
pub(crate) mod words;

pub use chart::{Axis, Bar, Chart, Mark, PictureError, Place, Reference, Scale, Series};
pub use files::WriteError;
pub use page::{Block, Fact, Figure, Headline, Picture, Report, Section, Table, Tone};
pub use run::{Options, ReportError, of_run};
