//! What a comparison lacks.

use super::cell::Cell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A method with a seed that nothing was measured of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// The seed.
    pub seed: u64,
    /// The method's name in the comparison.
    pub method: String,
    /// Why it failed; absent if it was not come to.
    pub failed: Option<String>,
}

/// What there is no cell of, for every seed and method.
pub(super) fn missing(
    seeds: &[u64],
    methods: &[&str],
    cells: &[Cell],
    failed: &[Missing],
) -> Vec<Missing> {
    let all = seeds.iter();
    let all = all.flat_map(|&seed| methods.iter().map(move |&method| (seed, method)));
    let open = all.filter(|&(seed, method)| {
        let mut done = cells.iter();
        !done.any(|cell| cell.seed == seed && cell.method == method)
    });
    open.map(|(seed, method)| {
        let mut known = failed.iter();
        let known = known.find(|one| one.seed == seed && one.method == method);
        known.cloned().unwrap_or_else(|| Missing {
            seed,
            method: method.to_owned(),
            failed: None,
        })
    })
    .collect()
}

/// In sentences: one for every failure, and one for every method that was not come to.
pub(super) fn sentences(missing: &[Missing]) -> Vec<String> {
    let mut said = Vec::new();
    let mut open: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Missing {
        seed,
        method,
        failed,
    } in missing
    {
        match failed {
            Some(why) => said.push(format!("{method} with seed {seed} failed: {why}.")),
            None => open.entry(method).or_default().push(seed.to_string()),
        }
    }
    said.extend(open.into_iter().map(|(method, seeds)| {
        let plural = if seeds.len() == 1 { "" } else { "s" };
        let seeds = seeds.join(", ");
        format!("{method} with seed{plural} {seeds} is not measured yet.")
    }));
    said
}
