//! What a model's ledger says that everybody forgotten is promised today.

use crate::error::ServiceError;
use rescind::certificate::VACUOUS_EPSILON;
use rescind::ledger::{History, Ledger, Standing};
use rescind_privacy::Delta;
use rescind_privacy::noise::Origin;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// A promise, given all releases since.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Promise {
    /// The number of the answer in the model's ledger; operators and auditors are told, as numbers count
    /// what others asked.
    pub answer: Option<u64>,
    /// When it was given: RFC 3339, UTC; operators and auditors are told.
    pub answered_at: Option<String>,
    /// How many records left.
    pub records: u64,
    /// How many releases since, its own included.
    pub releases: u64,
    /// How many releases were made before it, or before the last of a person's records left: they have
    /// records still, and nothing is promised of them.
    pub earlier_releases: u64,
    /// ε today; absent while nothing was released since, and where constants that may fail use δ up.
    pub epsilon: Option<f64>,
    /// at this δ.
    pub delta: f64,
    /// Whether ε is so large that it protects nobody: 10 or more, or absent although there were releases.
    pub protects_nobody: bool,
    /// What it rests on: the weakest of `proved`, `measured`, `probabilistic`, `declared`, `estimated`
    /// and `assumed`, in this order.
    pub kind: Option<String>,
    /// Whether the noise of a release since came from a fixed seed: nothing then holds against whoever
    /// knows it.
    pub insecure_noise: bool,
    /// When somebody said that the run, found in another place, is the only copy (RFC 3339, UTC): that no
    /// other released anything rests on their word.
    pub only_copy_said: Vec<String>,
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

/// How long a ledger that is being written is looked at again.
const WRITTEN_WITHIN: Duration = Duration::from_millis(200);

/// The ledger of a run, read as it lies; none where it is being written.
pub(crate) fn ledger(folder: &Path) -> Result<Option<Ledger>, ServiceError> {
    // Written in a moment, it can be read in the next. Each look may wait for whoever writes.
    let began = Instant::now();
    while began.elapsed() < WRITTEN_WITHIN {
        let found = Ledger::open_as_it_lies(folder).map_err(rescind::Error::from)?;
        if found.is_some() {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(None)
}

/// What everybody is promised today.
pub(crate) fn promises(history: &History, delta: Delta) -> Result<Vec<Promise>, ServiceError> {
    let standings = history.standings().map_err(rescind::Error::from)?;
    Ok(standings
        .iter()
        .map(|today| promise(history, today, delta))
        .collect())
}

/// What somebody is promised today whose records left by several answers, of which these are the first and
/// the last. Of what the first promises least is left, and releases before the last have some of the records.
pub(crate) fn promise_for(
    history: &History,
    (first, last): (u64, u64),
    delta: Delta,
) -> Result<Option<Promise>, ServiceError> {
    let standing = |answer| history.standing(answer).map_err(rescind::Error::from);
    let Some(today) = standing(first)? else {
        return Ok(None);
    };
    let mut promise = promise(history, &today, delta);
    if last > first
        && let Some(whole) = standing(last)?
    {
        promise.earlier_releases = promise.releases + promise.earlier_releases - whole.releases;
    }
    Ok(Some(promise))
}

fn promise(history: &History, today: &Standing, delta: Delta) -> Promise {
    let released = today.releases > 0;
    let epsilon = today.epsilon(delta).ok().filter(|_| released);
    let epsilon = epsilon.map(|epsilon| epsilon.value());
    let protects = epsilon.is_some_and(|epsilon| epsilon < VACUOUS_EPSILON);
    Promise {
        answer: Some(today.request.number),
        answered_at: Some(today.request.requested_at.clone()),
        records: today.request.records,
        releases: today.releases,
        earlier_releases: history.releases().count() as u64 - today.releases,
        protects_nobody: released && !protects,
        epsilon,
        delta: delta.value(),
        kind: today.kind.map(|kind| kind.to_string()),
        insecure_noise: today.insecure_noise,
        only_copy_said: history.adopted(),
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
