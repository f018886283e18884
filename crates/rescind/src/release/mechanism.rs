//! The mechanism.

use super::error::ReleaseError;
use super::foundation::{
    check_ball, check_vector, check_what_noise_leaves, non_smooth_layers, norm_above,
};
use super::opening::{Opening, check_request, request_entry};
use super::order::ReleaseOrder;
use super::refusal::judge;
use super::staging::Files;
use super::weights::ReleasedWeights;
use crate::certificate::arithmetic::{noise_norm, terms};
use crate::certificate::{
    Certificate, CodeIdentity, Earlier, FORMAT, ModelIdentity, NoiseChoice, NoiseRecord,
    RequestRecord, contradictions, digest_of, largest_weight,
};
use crate::disk;
use crate::key::RunKey;
use crate::ledger::{
    CertificateEntry, Entry, History, Ledger, ReleaseEntry, RequestEntry, content_digest, publish,
    recover, release_folder,
};

use rescind_privacy::noise::{NoiseSource, Origin, ReleaseFormat};
use std::path::PathBuf;
use std::time::SystemTime;

/// A release that is on disk and in the ledger.
#[derive(Debug)]
pub struct Released {
    /// Its folder, `releases/NNNNNN`.
    pub folder: PathBuf,
    /// What was released.
    pub weights: ReleasedWeights,
    /// What is promised.
    pub certificate: Certificate,
}

/// Moments of a release between which a crash must leave nothing half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Decided,
    KeyMade,
    Noised,
    OpeningWritten,
    Staged,
    Committed,
    Published,
}

/// Adds noise to private weights and releases them with their certificate.
///
/// Everything that can be refused is refused before anything is written. Then the release is
/// staged, recorded in one transaction of the ledger (from that moment it is made), and put in its
/// place; [`recover`] finishes or removes what a crash interrupts.
///
/// # Errors
/// [`ReleaseError::Refused`] if (ε, δ) was asked for and σ√d ≥ ‖w‖, unless the noise was accepted;
/// [`ReleaseError::Budget`]; [`ReleaseError::OutsideBall`]; and others that say what to mend.
pub fn release(order: ReleaseOrder<'_>) -> Result<Released, ReleaseError> {
    release_in_steps(order, &mut |_| Ok(()))
}

/// The same, telling `observe` of every step as it ends.
pub(super) fn release_in_steps(
    mut order: ReleaseOrder<'_>,
    observe: &mut dyn FnMut(Step) -> Result<(), ReleaseError>,
) -> Result<Released, ReleaseError> {
    let (run, number, network) = (order.run, order.request.number, order.network);
    let history = recover(run)?.history;
    check_request(&order.request, &history)?;
    let batch_norm = check_what_noise_leaves(&order)?;
    check_vector("weights", order.weights.values(), network.parameter_count())?;
    let ball = check_ball(network, order.weights.values(), &order.ball)?;
    let non_smooth_layers = non_smooth_layers(network);
    let origin = match order.insecure_noise_seed {
        Some(_) => Origin::InsecureSeed,
        None => Origin::OperatingSystem,
    };
    let terms = terms(&order.noise, order.candidates, &non_smooth_layers, origin)?;
    let parameters = network.parameter_count() as u64;
    let noise_norm = noise_norm(terms.sigma, parameters);
    if let NoiseChoice::Promise {
        accept_noise: false,
        ..
    } = order.noise
    {
        let norm = norm_above(order.weights.values().iter().copied());
        if let Some(refusal) = judge(&terms, noise_norm, parameters, norm)? {
            return Err(ReleaseError::Refused(Box::new(refusal)));
        }
    }
    let opening = Opening::new(&order.request)?;
    let request = request_entry(&order.request, &opening, order.state);
    let released_at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut release = ReleaseEntry {
        number,
        released_at,
        sigma: terms.sigma,
        sensitivity: terms.guarantee.sensitivity,
        mu: terms.guarantee.mu,
        failure_probability: terms.guarantee.failure_probability,
        epsilon: terms.guarantee.epsilon,
        delta: terms.guarantee.delta,
        kind: terms.guarantee.kind,
        origin,
        weights: order.state,
        content: order.state,
        state: order.state,
    };
    if let Some(budget) = &order.budget {
        let planned = [
            Entry::Request(request.clone()),
            Entry::Release(release.clone()),
        ];
        budget.check(&history, &planned)?;
    }
    observe(Step::Decided)?;
    let key = RunKey::of(run)?;
    observe(Step::KeyMade)?;

    let mut source = match order.insecure_noise_seed {
        Some(seed) => NoiseSource::insecure_from_seed(seed),
        None => NoiseSource::from_operating_system()?,
    };
    let largest = largest_weight(&ball);
    let mut noised = order.weights.into_values();
    let format = ReleaseFormat::F32;
    let report = source.add_gaussian(terms.sigma, largest, format, &mut noised)?;
    // Exact: the grid's numbers are binary32 numbers.
    let noised: Vec<f32> = noised.into_iter().map(|value| value as f32).collect();
    let statistics = match order.statistics.as_mut() {
        Some(compute) if network.statistic_count() > 0 => {
            compute(&noised).map_err(|reason| ReleaseError::Statistics { reason })?
        }
        _ => Vec::new(),
    };
    check_vector(
        "batch-norm statistics",
        &statistics,
        network.statistic_count(),
    )?;
    let weights = ReleasedWeights::new(noised, statistics);
    let weights_file = weights.to_safetensors(network)?;
    let configuration = run.join("run.json");
    let configuration = configuration
        .exists()
        .then(|| disk::read(&configuration))
        .transpose()?;
    let centre_file = match order.ball.centre.filter(|_| order.linearised) {
        Some(centre) => {
            let (parameters, statistics) = (centre.to_vec(), network.initial_statistics());
            let centre = rescind_network::Weights {
                parameters,
                statistics,
            };
            Some(centre.to_safetensors(network)?)
        }
        None => None,
    };
    let network_file = serde_json::to_vec_pretty(network.description())?;

    let covered: Vec<&RequestEntry> = history
        .pending()
        .into_iter()
        .chain(std::iter::once(&request))
        .collect();
    let certificate = Certificate {
        format: FORMAT.to_owned(),
        release: number,
        statement: String::new(),
        guarantee: terms.guarantee,
        bounds: terms.bounds,
        noise: NoiseRecord {
            sigma: report.sigma,
            choice: order.noise,
            origin: report.origin,
            largest,
            format,
            grid: report.grid,
            count: report.count as u64,
            clamped: report.clamped as u64,
            norm: noise_norm,
        },
        requests: covered.iter().map(|request| record(request)).collect(),
        earlier: earlier(&history, covered.len()),
        model: ModelIdentity {
            weights: digest_of(&weights_file),
            network: digest_of(&network_file),
            configuration: configuration.map(|bytes| digest_of(&bytes)),
            parameters,
            linearised: order.linearised,
            statistics: network.statistic_count() as u64,
            batch_norm,
            non_smooth_layers,
            ball,
        },
        data: order.data,
        method: order.method,
        code: CodeIdentity::current(),
        released_at: release.released_at.clone(),
        assumptions: Vec::new(),
        ledger: history.head(),
        key: key.identity(),
        checksums: Default::default(),
        signature: String::new(),
    };
    if let Some(contradiction) = contradictions(&certificate).into_iter().next() {
        let crate::certificate::Contradiction {
            field,
            found,
            expected,
            why,
        } = contradiction;
        return Err(ReleaseError::Inconsistent {
            field,
            found,
            expected,
            why,
        });
    }
    let certificate = certificate.sealed(&key)?;
    observe(Step::Noised)?;

    opening.write(run)?;
    observe(Step::OpeningWritten)?;
    let files = Files::new(weights_file, centre_file, network_file, &certificate)?;
    let staged = files.stage(run, number)?;
    release.content = content_digest(&staged)?;
    release.weights = certificate.model.weights;
    observe(Step::Staged)?;
    let entries = [
        Entry::Request(request),
        Entry::Release(release),
        Entry::Certificate(CertificateEntry {
            release: number,
            document: certificate.to_json()?,
        }),
    ];
    Ledger::open(run)?.append(&history.head(), &entries)?;
    observe(Step::Committed)?;
    publish(run, number)?;
    observe(Step::Published)?;
    Ok(Released {
        folder: release_folder(run, number),
        weights,
        certificate,
    })
}

fn record(request: &RequestEntry) -> RequestRecord {
    RequestRecord {
        number: request.number,
        requested_at: request.requested_at.clone(),
        records: request.records,
        commitment: request.commitment,
    }
}

fn earlier(history: &History, covered: usize) -> Earlier {
    Earlier {
        requests: (history.requests().count() + 1 - covered) as u64,
        releases: history.releases().count() as u64,
    }
}
