//! Weights that carry their noise, and the last part of their release.

use super::decision::Decision;
use super::error::ReleaseError;
use super::evidence;
use super::foundation::check_vector;
use super::opening::request_entry;
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
    Certificate, CodeIdentity, Contradiction, Day, EVIDENCE_FORMAT, Earlier, EvidenceRecord,
    FORMAT, FollowedBy, Guarantee, MethodReported, ModelIdentity, NoiseRecord, RequestRecord,
    assumptions, contradictions, digest_of, measured_contradictions, noisings,
};
use rescind_data::Digest;
use rescind_privacy::Sensitivity;
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

    /// Δ, the bound that binds.
    #[must_use]
    pub fn sensitivity(&self) -> Sensitivity {
        self.decision.terms.sensitivity
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
        method: MethodReported,
    ) -> Result<Released, ReleaseError> {
        self.release_in_steps(ledger, key, (state, method), &mut |_| Ok(()))
    }

    /// The same, telling `observe` of every step as it ends.
    pub(super) fn release_in_steps(
        self,
        ledger: &mut Ledger,
        key: &RunKey,
        (state, method): (Digest, MethodReported),
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
            ball,
            batch_norm,
            budget,
            mut release,
        } = decision;
        let (run, model, number) = (basis.run, basis.model, release.number);
        let request = basis.request.as_ref();
        let request = request.map(|request| request_entry(request, state));
        release.state = state;
        release.noise = ledger.noise_after()?;
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
        // The certificate follows the request, however it comes to be released: with it, or by itself
        // after its noise was refused, which is a fact about weights without noise.
        let asked = request.clone().map(Entry::Request).into_iter();
        let mut entries: Vec<Entry> = asked.chain(budget.map(Entry::Budget)).collect();
        let MethodReported { facts, measured } = method;
        let mut certificate = Certificate {
            format: FORMAT.to_owned(),
            release: number,
            bounds: terms.published(),
            noise: NoiseRecord {
                sigma: report.sigma,
                times: noisings(&terms.bounds),
                choice: basis.noise,
                origin: report.origin,
                largest,
                format: ReleaseFormat::F32,
                grid: report.grid,
                followed_by,
            },
            guarantee: terms.guarantee,
            requests: covered
                .iter()
                .map(|request| record(request))
                .collect::<Result<_, _>>()?,
            earlier: earlier(history, request.is_some(), covered.len()),
            declarations: basis.declarations,
            model: ModelIdentity {
                weights: digest_of(&weights_file),
                kind: model.kind.clone(),
                description: digest_of(&model_file),
                configuration: basis.configuration,
                parameters: model.parameters() as u64,
                frozen: model.frozen() as u64,
                linearised: model.linearised,
                statistics: model.statistic_count() as u64,
                batch_norm,
                rough_parts: model.smoothness.rough_parts(),
                ball,
            },
            data: basis.data,
            method: facts,
            assumptions: Vec::new(),
            code: CodeIdentity::current(),
            released_on: day("/released_on", &release.released_at)?,
            ledger: history.head_after(&entries)?,
            key: key.identity(),
        };
        certificate.assumptions = assumptions(&certificate);
        let files = Files::new(weights_file, centre_file, model_file);
        let text = certificate.signed(files.named(), |bytes| key.sign(bytes))?;
        let evidence = EvidenceRecord {
            format: EVIDENCE_FORMAT.to_owned(),
            release: number,
            certificate: digest_of(text.as_bytes()),
            released_at: release.released_at.clone(),
            bounds: terms.bounds,
            clamped: report.clamped as u64,
            measured,
        };
        nothing_contradicts(&certificate, &evidence)?;
        observe(Step::Noised)?;

        let staged = files.stage(run, &certificate, &text)?;
        let evidence = evidence::keep(run, &evidence)?;
        release.content = content_digest(&staged)?;
        release.weights = certificate.model.weights;
        observe(Step::Staged)?;
        let document = Document {
            release: number,
            text,
        };
        let entry = CertificateEntry {
            release: number,
            document: digest_of(document.text.as_bytes()),
            signer: key.identity().public_key,
            evidence,
        };
        entries.extend([Entry::Release(release), Entry::Certificate(entry)]);
        let private = basis.request.as_ref().map(|request| &request.private);
        ledger.append(entries, private, Some(&document))?;
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

fn record(request: &RequestEntry) -> Result<RequestRecord, ReleaseError> {
    Ok(RequestRecord {
        number: request.number,
        requested_on: day("/requests", &request.requested_at)?,
        records: request.records,
        commitment: request.commitment,
    })
}

fn day(field: &str, time: &str) -> Result<Day, ReleaseError> {
    Day::of(time).map_err(|error| ReleaseError::Inconsistent {
        field: field.to_owned(),
        found: time.to_owned(),
        expected: "a time such as 2026-03-01T12:00:00Z".to_owned(),
        why: error.to_string(),
    })
}

/// Refuses facts and measurements that a verifier would find to contradict each other.
fn nothing_contradicts(
    certificate: &Certificate,
    evidence: &EvidenceRecord,
) -> Result<(), ReleaseError> {
    let mut found = contradictions(certificate);
    found.extend(measured_contradictions(certificate, evidence));
    let Some(Contradiction {
        field,
        found,
        expected,
        why,
    }) = found.into_iter().next()
    else {
        return Ok(());
    };
    Err(ReleaseError::Inconsistent {
        field,
        found,
        expected,
        why,
    })
}

fn earlier(history: &History, answers: bool, covered: usize) -> Earlier {
    Earlier {
        requests: history.request_count() + u64::from(answers) - covered as u64,
        releases: history.release_count(),
    }
}
