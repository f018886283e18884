//! Reports: what a run promises, what it measures, and how one follows from the other, on one page
//! that needs no network.
//!
//! A [`Report`] is data; [`Report::to_html`] makes the page and [`Report::write_figures`] the
//! picture files. [`of_run`] fills one from a run.

mod chart;
mod files;
mod html;
mod page;
mod run;
mod words;

pub use chart::{Axis, Chart, Mark, PictureError, Reference, Scale, Series, png_of};
pub use files::WriteError;
pub use page::{Block, Fact, Figure, Headline, Picture, Report, Section, Table, Tone};
pub use run::{Options, ReportError, Roc, of_run};
