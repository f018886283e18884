//! What attacks and audits found.

use crate::audit::Audit;
use crate::report::chart::{Axis, Chart, Mark, Scale, Series};
use crate::report::page::{Block, Figure, Section, Table};
use crate::report::words::{above, number, percent};

/// How an attack trades false positives for true ones, at every threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Roc {
    /// The attack.
    pub name: String,
    /// Share of records that were never there and are taken for forgotten ones, from 0 to 1.
    pub false_positive: Vec<f64>,
    /// Share of forgotten records that are found, at the same thresholds.
    pub true_positive: Vec<f64>,
}

pub(super) fn section(rocs: &[Roc], audit: Option<&Audit>) -> Section {
    let mut blocks = Vec::new();
    if let Some(audit) = audit {
        blocks.extend([Block::text(verdict(audit)), Block::Table(table(audit))]);
    }
    if !rocs.is_empty() {
        blocks.push(chart(rocs));
    }
    if blocks.is_empty() {
        blocks.push(Block::text(
            "No attack and no audit was made for this report. A guarantee does not need them; they \
             can only show that one is broken.",
        ));
    }
    Section::new("Attacks and audits", blocks)
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

fn chart(rocs: &[Roc]) -> Block {
    let mut series: Vec<Series> = rocs
        .iter()
        .map(|roc| Series {
            name: roc.name.clone(),
            points: roc
                .false_positive
                .iter()
                .copied()
                .zip(roc.true_positive.iter().copied())
                .collect(),
            mark: Mark::Line,
        })
        .collect();
    // Drawn as far down as the attacks go.
    let points = series.iter().flat_map(|series| &series.points);
    let rates = points.flat_map(|&(x, y)| [x, y]).filter(|rate| *rate > 0.0);
    let least = rates.fold(0.1_f64, f64::min);
    series.push(Series {
        name: "guessing".to_owned(),
        points: vec![(least, least), (1.0, 1.0)],
        mark: Mark::Line,
    });
    let chart = Chart {
        x: Axis::new("false-positive rate (share of unseen records)", Scale::Log),
        y: Axis::new(
            "true-positive rate (share of forgotten records)",
            Scale::Log,
        ),
        series,
        references: Vec::new(),
    };
    Figure::block(
        "roc",
        "What attacks find, at every rate of false alarms",
        "On logarithmic axes, because an attack that finds a few records without a false alarm is \
         worse than one that is a little better than guessing throughout.",
        chart,
    )
}
