//! Weights that carry their noise, and the last part of their release.

use super::decision::Decision;
use super::error::ReleaseError;
use super::foundation::check_vector;
use super::released::{Released, Step};
use super::staging::Files;
use super::weights::ReleasedWeights;
use crate::key::RunKey;
use crate::ledger::{
    CertificateEntry, Document, Entry, History, Ledger, RequestEntry, content_digest, publish,
    release_folder,
};
use crate::tensors;
use rescind_certificate::{
    Certificate, CodeIdentity, Contradiction, Earlier, FORMAT, FollowedBy, Guarantee, MethodFacts,
    ModelIdentity, NoiseRecord, RequestRecord, contradictions, digest_of, noisings,
};
use rescind_data::Digest;
use rescind_privacy::noise::{NoiseReport, ReleaseFormat};

/// Weights that the mechanism has noised, on terms that were decided before. They may be kept as
/// the private state that goes on from here; [`Noised::release`] hands them out.
pub struct Noised<'a> {
    decision: Decision<'a>,
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
        parameters: Vec<f32>,
        report: NoiseReport,
        largest: f64,
        followed_by: FollowedBy,
    ) -> Result<Self, ReleaseError> {
        let expected = decision.basis.model.statistic_count();
        let statistics = match decision.basis.statistics.as_mut() {
            Some(compute) if expected > 0 => {
                compute(&parameters).map_err(|reason| ReleaseError::Statistics { reason })?
            }
            _ => Vec::new(),
        };
        check_vector("batch-norm statistics", &statistics, expected)?;
        Ok(Self {
            decision,
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

    /// What the ledger is to keep in private of the request, in place of what the order said.
    pub fn set_private(&mut self, body: String) {
        if let Some(request) = &mut self.decision.basis.request {
            request.private.body = body;
        }
    }

    /// Releases the weights with their certificate. `state` is the digest of the private state,
    /// staged by the caller; `method` says what was done.
    ///
    /// # Errors
    /// [`ReleaseError::Inconsistent`] if `method` contradicts the terms; else what disk and ledger
    /// meet.
    pub fn release(
        self,
        ledger: &mut Ledger,
        key: &RunKey,
        state: Digest,
        method: MethodFacts,
    ) -> Result<Released, ReleaseError> {
        self.release_in_steps(ledger, key, (state, method), &mut |_| Ok(()))
    }

    /// The same, telling `observe` of every step as it ends.
    pub(super) fn release_in_steps(
        self,
        ledger: &mut Ledger,
        key: &RunKey,
        (state, method): (Digest, MethodFacts),
        observe: &mut dyn FnMut(Step) -> Result<(), ReleaseError>,
    ) -> Result<Released, ReleaseError> {
        let Noised {
            decision,
            report,
            followed_by,
            largest,
            weights,
        } = self;
        let Decision {
            basis,
            terms,
            mut request,
            mut release,
            ..
        } = decision;
        let (run, model, number) = (basis.run, basis.model, release.number);
        if let Some(request) = &mut request {
            request.state = state;
        }
        release.state = state;
        let weights_file = tensors::to_bytes(model, weights.parameters(), weights.statistics())?;
        let centre_file = match basis.ball.centre.filter(|_| model.linearised) {
            Some(centre) => {
                let statistics = vec![0.0; model.statistic_count()];
                Some(tensors::to_bytes(model, centre, &statistics)?)
            }
            None => None,
        };
        let model_file = model.to_json()?;
        let history = ledger.history();
        let pending = history.pending().into_iter();
        let covered: Vec<&RequestEntry> = pending.chain(&request).collect();
        let times = noisings(&terms.bounds);
        let certificate = Certificate {
            format: FORMAT.to_owned(),
            release: number,
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
            earlier: earlier(history, request.is_some(), covered.len()),
            declarations: basis.declarations,
            model: ModelIdentity {
                weights: digest_of(&weights_file),
                kind: model.kind.clone(),
                description: digest_of(&model_file),
                configuration: basis.configuration,
                parameters: model.parameters() as u64,
                linearised: model.linearised,
                statistics: model.statistic_count() as u64,
                batch_norm: decision.batch_norm,
                rough_parts: model.smoothness.rough_parts(),
                ball: decision.ball,
            },
            data: basis.data,
            method,
            code: CodeIdentity::current(),
            released_at: release.released_at.clone(),
            ledger: history.head(),
            key: key.identity(),
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
        let certificate = certificate.sealed(key.identity(), |bytes| key.sign(bytes))?;
        observe(Step::Noised)?;

        let files = Files::new(weights_file, centre_file, model_file, &certificate)?;
        let staged = files.stage(run, number)?;
        release.content = content_digest(&staged)?;
        release.weights = certificate.model.weights;
        observe(Step::Staged)?;
        let document = Document {
            release: number,
            text: certificate.to_json()?,
        };
        let entry = CertificateEntry {
            release: number,
            document: digest_of(document.text.as_bytes()),
        };
        let entries = request.into_iter().map(Entry::Request);
        let entries = entries.chain([Entry::Release(release), Entry::Certificate(entry)]);
        let private = basis.request.as_ref().map(|request| &request.private);
        ledger.append(entries.collect(), private, Some(&document))?;
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

fn earlier(history: &History, answers: bool, covered: usize) -> Earlier {
    Earlier {
        requests: history.request_count() + u64::from(answers) - covered as u64,
        releases: history.release_count(),
    }
}
