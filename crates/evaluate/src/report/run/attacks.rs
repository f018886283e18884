//! What attacks and audits found.

use super::sources::Sources;
use super::{Options, ReportError, membership};
use crate::audit::Audit;
use crate::report::page::{Block, Section, Table};
use crate::report::words::{above, number, percent};
use rescind::Observer;

pub(super) fn section(
    sources: &Sources<'_>,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Section, ReportError> {
    let mut blocks = Vec::new();
    if let Some(audit) = &options.audit {
        blocks.extend([Block::text(verdict(audit)), Block::Table(table(audit))]);
    }
    if let Some(settings) = &options.attack {
        blocks.extend(membership::blocks(sources, settings, observer)?);
    }
    if blocks.is_empty() {
        blocks.push(Block::text(
            "No attack and no audit was made for this report. A guarantee does not need them; they \
             can only show that one is broken.",
        ));
    }
    Ok(Section::new("Attacks and audits", blocks))
}

fn verdict(audit: &Audit) -> String {
    let how = format!(
        "Audit: {} pairs of unlearned and retrained releases were drawn in memory, and a test that \
         tells them apart was sought.",
        audit.pairs
    );
    match audit.holds() {
        true => format!("{how} Nothing was found that breaks the promise; that is no proof."),
        false => format!("{how} THE PROMISE IS BROKEN: they differ by more than it allows."),
    }
}

fn table(audit: &Audit) -> Table {
    let (claim, confidence) = (&audit.claim, percent(audit.confidence));
    let row = |name: &str, found: f64, most: f64, promised: f64, test: &str| {
        let figures = [number(found), number(most), above(promised)];
        let mut row = vec![name.to_owned()];
        row.extend(figures);
        row.push(test.to_owned());
        row
    };
    let (epsilon, mu) = (&audit.epsilon, &audit.mu);
    let mut rows = vec![
        row(
            "epsilon",
            epsilon.value,
            audit.most_epsilon,
            claim.epsilon,
            &epsilon.statistic,
        ),
        row("mu", mu.value, audit.most_mu, claim.mu, &mu.statistic),
    ];
    if let Some(far) = &audit.distance {
        let mut row = vec!["distance before noise".to_owned()];
        row.extend([
            number(far.measured),
            "\u{2013}".to_owned(),
            number(far.bound),
        ]);
        row.push("difference of the weights".to_owned());
        rows.push(row);
    }
    let head = ["", "at least", "could show", "promised", "seen in"];
    let caption = format!(
        "Lower bounds, holding together with a probability of {confidence}; epsilon at delta = {}. \
         \"Could show\" is the most that so many pairs can show.",
        above(claim.delta)
    );
    Table::new(&caption, &head, rows)
}
