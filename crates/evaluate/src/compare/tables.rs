//! Results as tables.

use super::cell::CellKind;
use super::results::{METRICS, Results, Row, Spread};
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
const COLUMNS: [(&str, &str, f64, usize); 14] = [
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
    ("attack, AUC", "attack_auc", 1.0, 3),
    ("pair attack, AUC", "pair_attack_auc", 1.0, 3),
    ("U-LiRA, AUC", "likelihood_auc", 1.0, 3),
    ("time, s", "seconds", 1.0, 2),
    ("products", "products", 1.0, 0),
    ("of minibatches", "minibatch_products", 1.0, 0),
];

/// Mean ± standard deviation over the seeds, columns that nothing was measured for left out.
pub(super) fn markdown(results: &Results) -> String {
    let measured = |name: &str| {
        results
            .rows
            .iter()
            .any(|row| row.metrics.contains_key(name))
    };
    let columns: Vec<_> = COLUMNS.iter().filter(|column| measured(column.1)).collect();
    let mut text = format!("# {}\n\n{}.\n\n", results.name, results.setting);
    text.push_str("| method | guarantee |");
    columns
        .iter()
        .for_each(|column| text.extend([" ", column.0, " |"]));
    text.push_str("\n|---|---|");
    columns.iter().for_each(|_| text.push_str("---:|"));
    text.push('\n');
    for row in &results.rows {
        text.extend(["| ", &row.method, " | ", &guarantee(row), " |"]);
        for &&(_, name, factor, places) in &columns {
            let shown = row
                .metrics
                .get(name)
                .map(|spread| shown(spread, factor, places));
            text.extend([" ", shown.as_deref().unwrap_or("–"), " |"]);
        }
        text.push('\n');
    }
    text.push('\n');
    text.push_str(NOTES);
    text
}

const NOTES: &str = "\
Mean ± sample standard deviation over the seeds. Divergence (Jensen–Shannon), same class and \
distance compare with the retrained model. Relearn: optimiser steps on the forgotten records until \
their loss is back at the original model's, at most the comparison's limit. Attack: the best of the \
attackers on the model alone, area under the curve, 0.5 by guessing; pair attack: the best of all \
on original and unlearned model together. The best of several attackers lies above 0.5 by chance \
alone: the retrained row says by how much. Time and products are the method's own, for the \
original and the retrained model those of their training. A guarantee stands only where a release \
was made; baselines have none.\n";

fn guarantee(row: &Row) -> String {
    match (row.kind, &row.promise) {
        (CellKind::Reference, _) => "the reference".to_owned(),
        (CellKind::Baseline, _) => "none".to_owned(),
        (CellKind::Certified, None) => "none: not released".to_owned(),
        (CellKind::Certified, Some(promise)) => {
            let (epsilon, delta) = (number(promise.epsilon), number(promise.delta));
            let (sigma, kind) = (number(promise.sigma), &promise.kind);
            format!("ε = {epsilon}, δ = {delta} ({kind}), σ = {sigma}")
        }
    }
}

fn number(value: f64) -> String {
    match (1e-3..1e5).contains(&value) {
        true => format!("{value}"),
        false => format!("{value:.1e}"),
    }
}

fn shown(spread: &Spread, factor: f64, places: usize) -> String {
    let mut text = format!("{:.places$}", spread.mean * factor);
    if let Some(deviation) = spread.deviation {
        let _ = write!(text, " ± {:.places$}", deviation * factor);
    }
    text
}
