//! Weights that carry their noise, and the last part of their release.

use super::decision::Decision;
use super::error::ReleaseError;
use super::foundation::check_vector;
use super::mechanism::{Released, Step};
use super::staging::Files;
use super::weights::ReleasedWeights;
use crate::certificate::{
    Certificate, CodeIdentity, Contradiction, Earlier, FORMAT, FollowedBy, Guarantee, MethodFacts,
    ModelIdentity, NoiseRecord, RequestRecord, contradictions, digest_of, noisings,
};
use crate::disk;
use crate::key::RunKey;
use crate::ledger::{
    CertificateEntry, Entry, History, Ledger, RequestEntry, content_digest, publish, release_folder,
};
use rescind_data::Digest;
use rescind_network::Weights;
use rescind_privacy::noise::{NoiseReport, ReleaseFormat};

/// Weights that the mechanism has noised, on terms that were decided before. They may be kept as
/// the private state that goes on from here; [`Noised::release`] hands them out.
pub struct Noised<'a> {
    decision: Decision<'a>,
    key: RunKey,
    report: NoiseReport,
    followed_by: FollowedBy,
    /// Bound on the absolute values before the last noise.
    largest: f64,
    weights: ReleasedWeights,
}

impl<'a> Noised<'a> {
    /// `parameters` as the noise, or what followed it, left them.
    pub(super) fn new(
        mut decision: Decision<'a>,
        key: RunKey,
        parameters: Vec<f32>,
        report: NoiseReport,
        largest: f64,
        followed_by: FollowedBy,
    ) -> Result<Self, ReleaseError> {
        let network = decision.basis.network;
        let statistics = match decision.basis.statistics.as_mut() {
            Some(compute) if network.statistic_count() > 0 => {
                compute(&parameters).map_err(|reason| ReleaseError::Statistics { reason })?
            }
            _ => Vec::new(),
        };
        let what = "batch-norm statistics";
        check_vector(what, &statistics, network.statistic_count())?;
        Ok(Self {
            decision,
            key,
            report,
            followed_by,
            largest,
            weights: ReleasedWeights::new(parameters, statistics),
        })
    }

    /// The weights.
    #[must_use]
    pub fn weights(&self) -> &ReleasedWeights {
        &self.weights
    }

    /// What their release will promise.
    #[must_use]
    pub fn guarantee(&self) -> &Guarantee {
        &self.decision.terms.guarantee
    }

    /// Standard deviation of the noise on every parameter, at every noisy step.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.report.sigma.value()
    }

    /// Releases the weights with their certificate. `state` is the digest of the private state,
    /// staged by the caller; `method` says what was done.
    ///
    /// # Errors
    /// [`ReleaseError::Inconsistent`] if `method` contradicts the terms; else what disk and ledger
    /// meet.
    pub fn release(self, state: Digest, method: MethodFacts) -> Result<Released, ReleaseError> {
        self.release_in_steps(state, method, &mut |_| Ok(()))
    }

    /// The same, telling `observe` of every step as it ends.
    pub(super) fn release_in_steps(
        self,
        state: Digest,
        method: MethodFacts,
        observe: &mut dyn FnMut(Step) -> Result<(), ReleaseError>,
    ) -> Result<Released, ReleaseError> {
        let Noised {
            decision,
            key,
            report,
            followed_by,
            largest,
            weights,
        } = self;
        let Decision {
            basis,
            history,
            terms,
            opening,
            mut request,
            mut release,
            ..
        } = decision;
        let (run, network, number) = (basis.run, basis.network, release.number);
        (request.state, release.state) = (state, state);
        let weights_file = weights.to_safetensors(network)?;
        let configuration = run.join("run.json");
        let configuration = configuration
            .exists()
            .then(|| disk::read(&configuration))
            .transpose()?;
        let centre_file = match basis.ball.centre.filter(|_| basis.linearised) {
            Some(centre) => {
                let (parameters, statistics) = (centre.to_vec(), network.initial_statistics());
                let centre = Weights {
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
        let times = noisings(&terms.bounds);
        let certificate = Certificate {
            format: FORMAT.to_owned(),
            release: number,
            statement: String::new(),
            guarantee: terms.guarantee,
            bounds: terms.bounds,
            noise: NoiseRecord {
                sigma: report.sigma,
                times,
                choice: basis.noise,
                origin: report.origin,
                largest,
                format: ReleaseFormat::F32,
                grid: report.grid,
                count: report.count as u64,
                clamped: report.clamped as u64,
                norm: decision.noise_norm,
                followed_by,
            },
            requests: covered.iter().map(|request| record(request)).collect(),
            earlier: earlier(&history, covered.len()),
            model: ModelIdentity {
                weights: digest_of(&weights_file),
                network: digest_of(&network_file),
                configuration: configuration.map(|bytes| digest_of(&bytes)),
                parameters: network.parameter_count() as u64,
                linearised: basis.linearised,
                statistics: network.statistic_count() as u64,
                batch_norm: decision.batch_norm,
                non_smooth_layers: decision.non_smooth_layers,
                ball: decision.ball,
            },
            data: basis.data,
            method,
            code: CodeIdentity::current(),
            released_at: release.released_at.clone(),
            assumptions: Vec::new(),
            ledger: history.head(),
            key: key.identity(),
            checksums: Default::default(),
            signature: String::new(),
        };
        if let Some(contradiction) = contradictions(&certificate).into_iter().next() {
            let Contradiction {
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
