//! What a model's ledger says that everybody forgotten is promised today.

use crate::error::ServiceError;
use rescind::ledger::{History, Ledger, Standing};
use rescind_privacy::Delta;
use rescind_privacy::noise::Origin;
use serde::Serialize;
use std::path::Path;
use utoipa::ToSchema;

/// A promise, given all releases since.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Promise {
    /// The number of the answer in the model's ledger.
    pub answer: u64,
    /// When it was given: RFC 3339, UTC.
    pub answered_at: String,
    /// How many records left.
    pub records: u64,
    /// How many releases since, its own included.
    pub releases: usize,
    /// ε today; absent while nothing was released since, and where constants that may fail use δ up.
    pub epsilon: Option<f64>,
    /// at this δ.
    pub delta: f64,
    /// What it rests on: the weakest of `proved`, `declared`, `measured`, `probabilistic`, `estimated`
    /// and `assumed`.
    pub kind: Option<String>,
    /// Whether the noise of a release since came from a fixed seed: nothing then holds against whoever
    /// knows it.
    pub insecure_noise: bool,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Release {
    /// Its number: that of the last answer it covers.
    pub number: u64,
    /// When it was made: RFC 3339, UTC.
    pub released_at: String,
    /// ε of this release alone,
    pub epsilon: f64,
    /// at this δ.
    pub delta: f64,
    /// What it rests on.
    pub kind: String,
    /// Whether its noise came from a fixed seed.
    pub insecure_noise: bool,
}

/// The ledger of a run, read as it lies; none where it is being written.
pub(crate) fn ledger(folder: &Path) -> Result<Option<Ledger>, ServiceError> {
    // Written in a moment, it can be read in the next.
    for _ in 0..20 {
        let found = Ledger::open_as_it_lies(folder).map_err(rescind::Error::from)?;
        if found.is_some() {
            return Ok(found);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(None)
}

/// What everybody is promised today.
pub(crate) fn promises(history: &History, delta: Delta) -> Result<Vec<Promise>, ServiceError> {
    let standings = history.standings().map_err(rescind::Error::from)?;
    Ok(standings
        .iter()
        .map(|today| promise(today, delta))
        .collect())
}

fn promise(today: &Standing, delta: Delta) -> Promise {
    let released = !today.releases.is_empty();
    let epsilon = today.epsilon(delta).ok().filter(|_| released);
    Promise {
        answer: today.request.number,
        answered_at: today.request.requested_at.clone(),
        records: today.request.records,
        releases: today.releases.len(),
        epsilon: epsilon.map(|epsilon| epsilon.value()),
        delta: delta.value(),
        kind: today.kind.map(|kind| kind.to_string()),
        insecure_noise: today.insecure_noise,
    }
}

/// The releases, oldest first.
pub(crate) fn releases(history: &History) -> Vec<Release> {
    let releases = history.releases().map(|release| Release {
        number: release.number,
        released_at: release.released_at.clone(),
        epsilon: release.epsilon.value(),
        delta: release.delta.value(),
        kind: release.kind.to_string(),
        insecure_noise: release.origin == Origin::InsecureSeed,
    });
    releases.collect()
}
