//! The report of a run.

mod attacks;
mod bounds;
mod error;
mod headline;
mod membership;
mod models;
mod options;
mod pictures;
mod requests;
mod sources;
mod spectrum;
mod standings;
mod tradeoff;

pub use error::ReportError;
pub use options::Options;

use super::page::{Report, Section};
use super::words::count;
use rescind::{Observer, Run};
use sources::Sources;

/// Fills a report from a run, whatever state it is in.
///
/// # Errors
/// A damaged run, [`rescind::ModelError::Interrupted`], and whatever measuring meets.
pub fn of_run(
    run: &Run,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Report, ReportError> {
    let sources = Sources::new(run, observer)?;
    let mut sections = vec![models::section(&sources)];
    sections.push(tradeoff::section(&sources, observer)?);
    sections.push(requests::section(&sources));
    sections.push(standings::section(&sources)?);
    sections.extend(bounds::sections(&sources));
    sections.push(attacks::section(&sources, options, observer)?);
    if options.spectrum {
        sections.push(spectrum::section(&sources, observer)?);
    }
    if options.show_records {
        sections.push(pictures::section(&sources)?);
    }
    sections.retain(|section: &Section| !section.blocks.is_empty());
    let data = run.manifest().source();
    let records = count(run.model().records(), "training record");
    let described = run.model().description();
    let model = match described.kind.as_str() {
        "network" => "a network",
        _ => "a model",
    };
    let sizes = described.tensors.iter().map(rescind::Tensor::len);
    let parameters = count(sizes.sum(), "parameter");
    let root = run.root().display();
    Ok(Report {
        title: "Unlearning report".to_owned(),
        subject: format!("Run {root}: {data}, {records}, {model} of {parameters}"),
        headline: headline::headline(&sources),
        facts: headline::facts(&sources)?,
        sections,
        closing:
            "Accuracies, losses and times on this page were measured on records and un-noised \
                  weights and carry no noise: show it to those who may know them. The certificate \
                  itself is the signed file beside the release."
                .to_owned(),
    })
}
