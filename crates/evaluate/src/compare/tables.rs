//! Results as tables.

use super::cell::CellKind;
use super::metrics::METRICS;
use super::missing::sentences;
use super::results::{Results, Row, Spread};
use crate::report::words::{above, number};
use std::fmt::Write;

/// One line per cell, one column per metric; empty where it was not measured.
pub(super) fn csv(results: &Results) -> Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["method", "kind", "seed", "epsilon", "delta", "sigma"];
    let names = METRICS.iter().map(|metric| metric.name);
    let write = |error: csv::Error| error.to_string();
    writer
        .write_record(head.into_iter().chain(names))
        .map_err(write)?;
    for cell in &results.cells {
        let kind = match cell.kind {
            CellKind::Reference => "reference",
            CellKind::Certified => "certified",
            CellKind::Exact => "exact",
            CellKind::Baseline => "baseline",
        };
        let promised = |get: fn(&super::Promise) -> f64| {
            cell.promise
                .as_ref()
                .map(get)
                .map_or(String::new(), |x| x.to_string())
        };
        let head = [
            cell.method.clone(),
            kind.to_owned(),
            cell.seed.to_string(),
            promised(|promise| promise.epsilon),
            promised(|promise| promise.delta),
            promised(|promise| promise.sigma),
        ];
        let values = METRICS.iter().map(|metric| (metric.of)(cell));
        let values = values.map(|value| value.map_or(String::new(), |value| value.to_string()));
        writer
            .write_record(head.into_iter().chain(values))
            .map_err(write)?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

/// A column: heading, metric, factor, decimal places.
type Column = (&'static str, &'static str, f64, usize);

/// How close the models are to the retrained one.
pub(super) const FIDELITY: &[Column] = &[
    ("loss on forgotten, nats", "forgotten_loss", 1.0, 3),
    ("accuracy on forgotten, %", "forgotten_accuracy", 100.0, 1),
    ("on retained, %", "retained_accuracy", 100.0, 1),
    ("on test, %", "test_accuracy", 100.0, 2),
    (
        "divergence on forgotten, 10⁻³ nats",
        "forgotten_divergence",
        1e3,
        2,
    ),
    ("same class on test, %", "test_agreement", 100.0, 1),
    ("distance of weights", "to_retrained", 1.0, 2),
    ("relearn, steps", "relearn_steps", 1.0, 0),
];

/// What attacks find.
pub(super) const ATTACKS: &[Column] = &[
    ("attack, AUC", "attack_auc", 1.0, 3),
    ("pair attack, AUC", "pair_attack_auc", 1.0, 3),
    ("U-LiRA, AUC", "likelihood_auc", 1.0, 3),
];

/// What the methods cost.
pub(super) const COST: &[Column] = &[
    ("time, s", "seconds", 1.0, 2),
    ("products", "products", 1.0, 0),
    ("of minibatches", "minibatch_products", 1.0, 0),
];

/// The methods and their mean ± standard deviation over the seeds: head and rows. Columns that nothing
/// was measured for are left out.
pub(super) fn table(
    results: &Results,
    columns: &[Column],
) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let measured = |name: &str| {
        let mut rows = results.rows.iter();
        rows.any(|row| row.metrics.contains_key(name))
    };
    let columns: Vec<&Column> = columns.iter().filter(|column| measured(column.1)).collect();
    let mut head = vec!["method"];
    head.extend(columns.iter().map(|column| column.0));
    let rows = results.rows.iter().map(|row| {
        let mut cells = vec![row.method.clone()];
        cells.extend(columns.iter().map(|&&(_, name, factor, places)| {
            let spread = row.metrics.get(name);
            spread.map_or("–".to_owned(), |spread| shown(spread, factor, places))
        }));
        cells
    });
    (head, rows.collect())
}

/// The same, with what each method promises beside its name.
pub(super) fn promising(
    results: &Results,
    columns: &[Column],
) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let (mut head, mut rows) = table(results, columns);
    head.insert(1, "guarantee");
    for (cells, row) in rows.iter_mut().zip(&results.rows) {
        cells.insert(1, guarantee(row));
    }
    (head, rows)
}

impl Results {
    /// The table of `results.md`: all methods and columns, and what the columns mean.
    pub fn markdown(&self) -> String {
        let (head, rows) = promising(self, &[FIDELITY, ATTACKS, COST].concat());
        let mut text = format!("# {}\n\n{}.\n\n", self.name, self.setting);
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            text.push('|');
            cells.for_each(|cell| text.extend([" ", cell, " |"]));
            text.push('\n');
        };
        line(&mut head.iter().copied());
        let rule = |column: usize| if column < 2 { "---" } else { "---:" };
        line(&mut (0..head.len()).map(rule));
        for row in &rows {
            line(&mut row.iter().map(String::as_str));
        }
        text.push('\n');
        text.push_str(NOTES);
        text.push('\n');
        for gap in sentences(&self.missing) {
            text.extend(["\n", &gap, "\n"]);
        }
        text
    }
}

/// What the columns mean.
pub(super) const NOTES: &str = "\
Mean ± sample standard deviation over the seeds. Divergence (Jensen–Shannon), same class and \
distance compare with the retrained model. Relearn: optimiser steps on the forgotten records until \
their loss is back at the original model's, at most the comparison's limit. Attack: the best of the \
attackers on the model alone, area under the curve, 0.5 by guessing; pair attack: the best of all \
on original and unlearned model together. The best of several attackers lies above 0.5 by chance \
alone: the retrained row says by how much. Time and products are the method's own, for the \
original and the retrained model those of their training. A guarantee stands only where a release \
was made; baselines have none.";

fn guarantee(row: &Row) -> String {
    match (row.kind, &row.promise) {
        (CellKind::Reference, _) => "the reference".to_owned(),
        (CellKind::Exact, _) => "exact: no model saw them".to_owned(),
        (CellKind::Baseline, _) => "none".to_owned(),
        (CellKind::Certified, None) => "none: not released".to_owned(),
        (CellKind::Certified, Some(promise)) => {
            let (epsilon, delta) = (above(promise.epsilon), above(promise.delta));
            let (sigma, kind) = (number(promise.sigma), &promise.kind);
            format!("ε = {epsilon}, δ = {delta} ({kind}), σ = {sigma}")
        }
    }
}

fn shown(spread: &Spread, factor: f64, places: usize) -> String {
    let mut text = format!("{:.places$}", spread.mean * factor);
    if let Some(deviation) = spread.deviation {
        let _ = write!(text, " ± {:.places$}", deviation * factor);
    }
    text
}
