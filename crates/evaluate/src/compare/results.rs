//! What a comparison comes to: means and standard deviations over the seeds.

use super::cell::{Cell, CellKind, Promise};
use super::config::{ORIGINAL, RETRAIN};
use super::metrics::METRICS;
use super::missing::{Missing, missing};
use super::{CompareError, Comparison};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The comparison's name.
    pub name: String,
    /// The records, the request and the seeds, in words.
    pub setting: String,
    /// One row per method, the retrained model first.
    pub rows: Vec<Row>,
    /// What the rows are made of; curves of the attacks on the pair of models are left out.
    pub cells: Vec<Cell>,
    /// What there is no cell of, for it failed or was not come to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// One method over all seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The method's name in the comparison.
    pub method: String,
    /// What sort of method it is.
    pub kind: CellKind,
    /// The weakest promise of its releases, by ε; absent without releases.
    pub promise: Option<Promise>,
    /// Every metric that was measured, by name.
    pub metrics: BTreeMap<String, Spread>,
}

/// A metric over the seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation; absent for a single seed.
    pub deviation: Option<f64>,
    /// Seeds it was measured with.
    pub seeds: usize,
}

impl Row {
    /// Whether it is no method: the retrained or the original model.
    pub(super) fn is_given(&self) -> bool {
        self.kind == CellKind::Reference || self.method == ORIGINAL
    }
}

impl Spread {
    /// Over some values, of which there is at least one.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let seeds = values.len();
        if seeds == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / seeds as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Spread {
            mean,
            deviation: (seeds > 1).then(|| (squares / (seeds - 1) as f64).sqrt()),
            seeds,
        })
    }
}

impl Results {
    /// Of cells in any order, and of those that failed.
    pub(super) fn of(comparison: &Comparison, mut cells: Vec<Cell>, failed: &[Missing]) -> Self {
        let mut names: Vec<&str> = vec![RETRAIN, ORIGINAL];
        names.extend(comparison.methods.iter().map(|entry| &*entry.name));
        let place = |cell: &Cell| names.iter().position(|name| *name == cell.method);
        cells.sort_by_key(|cell| (place(cell), cell.seed));
        let missing = missing(&comparison.seeds, &names, &cells, failed);
        let mut rows = Vec::new();
        for name in &names {
            let own: Vec<&Cell> = cells.iter().filter(|cell| cell.method == *name).collect();
            let Some(first) = own.first() else { continue };
            let promises = own.iter().filter_map(|cell| cell.promise.as_ref());
            let promise = promises.max_by(|a, b| a.epsilon.total_cmp(&b.epsilon));
            let metrics = METRICS.iter().filter_map(|metric| {
                let values: Vec<f64> = own.iter().filter_map(|cell| (metric.of)(cell)).collect();
                Some((metric.name.to_owned(), Spread::of(&values)?))
            });
            rows.push(Row {
                method: (*name).to_owned(),
                kind: first.kind,
                promise: promise.cloned(),
                metrics: metrics.collect(),
            });
        }
        for attack in cells.iter_mut().flat_map(|cell| &mut cell.attacks) {
            if attack.features.of_pair() {
                attack.curve.clear();
            }
        }
        let seeds: Vec<String> = comparison.seeds.iter().map(u64::to_string).collect();
        let data = comparison.data.to_string();
        // Where the files lie is nobody's business.
        let data = data.split(':').next().unwrap_or_default();
        let (request, seeds) = (words(comparison), seeds.join(", "));
        Results {
            name: comparison.name.clone(),
            setting: format!("{data}, {request} forgotten, seeds {seeds}"),
            rows,
            cells,
            missing,
        }
    }

    /// Reads a `results.json`.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds something else.
    pub fn read(path: &Path) -> Result<Self, CompareError> {
        let bytes = std::fs::read(path).map_err(|source| CompareError::Io {
            path: path.to_owned(),
            action: "read it",
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| CompareError::Unreadable {
            path: path.to_owned(),
            expected: "the results of a comparison",
            reason: error.to_string(),
        })
    }
}

/// The request in words that name nobody.
fn words(comparison: &Comparison) -> String {
    use rescind_data::RecordRequest;
    match &comparison.forget {
        RecordRequest::Random { count, .. } => format!("{count} random records"),
        RecordRequest::Class(name) => format!("class {name}"),
        _ => "chosen records".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn deviations_are_of_the_sample() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12);
        let spread = Spread::of(&[1.0, 2.0, 6.0]).unwrap();
        near(spread.mean, 3.0);
        near(spread.deviation.unwrap(), 7.0_f64.sqrt());
        assert_eq!(Spread::of(&[5.0]).unwrap().deviation, None);
        assert_eq!(Spread::of(&[]), None);
    }
}
