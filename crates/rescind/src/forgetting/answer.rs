//! Answering a request.

use super::release::method_facts;
use super::{Effect, ForgetRequest, Forgotten, Method, MethodReport, RequestRecord, Resolved};
use crate::evaluation::{Measured, measure};
use crate::ledger::recover;
use crate::methods::finetune::FinetuneSchedule;
use crate::methods::newton::{self, NewtonSettings, NewtonTask};
use crate::observer::{Observer, Phase, report};
use crate::release::{Noised, Released, record_request};
use crate::run::{Run, Staged, StateRecord};
use crate::training::{TrainingEnding, TrainingState};
use crate::{Error, NetworkObjective};
use rescind_data::{RecordRequest, Selection};
use rescind_privacy::sensitivity::SensitivityBound;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What a method hands on.
pub(super) struct Outcome<'a> {
    pub(super) state: TrainingState,
    pub(super) way: Way<'a>,
    pub(super) method: MethodReport,
}

/// How the outcome can be released.
pub(super) enum Way<'a> {
    /// By noise added to it, whose size these bounds decide.
    Bounded(Vec<SensitivityBound>),
    /// As it is: it carries its noise.
    Noised(Box<Noised<'a>>),
}

/// A request as methods know it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) number: u64,
    pub(super) requested_at: u64,
    pub(super) forget: &'a Selection,
    pub(super) retained: &'a Selection,
}

impl Run {
    /// Forgets records: the private weights move, the release is made if one is asked for, and
    /// from then on the run knows only the records that stay. If training had not ended it goes on
    /// from there with [`train`](Self::train), on these alone and with a fresh optimiser.
    ///
    /// All or nothing: on any error, refusals included, the run is as it was.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); what the method and the release meet;
    /// [`Error::Interrupted`].
    pub fn forget(
        &mut self,
        asked: &ForgetRequest,
        observer: &mut dyn Observer,
    ) -> Result<Forgotten, Error> {
        let began = Instant::now();
        let (record, _) = self.trained()?;
        let resolved = self.resolve(&asked.request)?;
        let retained = record.retained.difference(&resolved.forget)?;
        let (source, scaling) = (&self.config.data, &self.config.scaling);
        let rescaled =
            self.records
                .rescaled(source, scaling, &self.manifest, &retained, observer)?;
        let before = rescaled.map(|rescaled| std::mem::replace(&mut self.records, rescaled));
        let answer = self.answer(asked, resolved, retained, began, observer);
        if let (Err(_), Some(before)) = (&answer, before) {
            self.records = before;
        }
        answer
    }

    fn answer(
        &mut self,
        asked: &ForgetRequest,
        resolved: Resolved,
        retained: Selection,
        began: Instant,
        observer: &mut dyn Observer,
    ) -> Result<Forgotten, Error> {
        let (record, state) = self.trained()?;
        self.check_suits(&asked.method)?;
        let before = self.effect_of(state, &resolved.forget, observer)?;
        let mut statistics = |w: &[f32]| {
            let computed = self.statistics_on(&retained, w);
            computed.map_err(|error| error.to_string())
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let request = Asked {
            number: record.requests.len() as u64 + 1,
            requested_at: now.map_or(0, |t| t.as_secs()),
            forget: &resolved.forget,
            retained: &retained,
        };
        let needs_noise = |method| asked.release.ok_or(Error::NoNoise { method });
        let outcome = match &asked.method {
            Method::Newton { settings } => {
                self.newton(state, &resolved.forget, &retained, settings, observer)?
            }
            Method::NoisyFinetune { settings } => {
                let choice = needs_noise("noisy-finetune")?;
                let schedule = FinetuneSchedule::choose(settings, self.surroundings(&choice))?;
                let statistics = &mut statistics;
                self.finetuned(state, request, choice, schedule, statistics, observer)?
            }
            Method::OutputPerturbation { settings } => {
                let choice = needs_noise("output-perturbation")?;
                let around = self.surroundings(&choice);
                let schedule = FinetuneSchedule::without_steps(settings, around)?;
                let statistics = &mut statistics;
                self.finetuned(state, request, choice, schedule, statistics, observer)?
            }
            Method::Tangent | Method::Head => {
                self.convex(state, &resolved.forget, &retained, observer)?
            }
            Method::Retrain => self.retraining(state, &retained, observer)?,
        };
        let after = self.effect_of(&outcome.state, &resolved.forget, observer)?;
        let request = RequestRecord {
            number: request.number,
            requested_at: request.requested_at,
            asked: kind(&asked.request),
            forgotten: resolved.forget.clone(),
            held_out: resolved.held_out.clone(),
            copies_retained: resolved.copies_retained.clone(),
            method: outcome.method,
            training_finished: state.progress.ending.is_some(),
            released: asked.release.is_some(),
            effect: Effect {
                forgotten_before: before.0,
                forgotten_after: after.0,
                test_before: before.1,
                test_after: after.1,
            },
            seconds: began.elapsed().as_secs_f64(),
        };
        let mut requests = record.requests.clone();
        requests.push(request.clone());
        let scaling = self.records.scaling.clone();
        let mut next = StateRecord::new(retained.clone(), requests, scaling);
        report(observer, Phase::Release, 0, Some(1))?;
        let staged = self.store.stage(&self.network, &mut next, &outcome.state)?;
        let committed = self.commit(asked, &staged, &next, &outcome.state, outcome.way);
        let state = outcome.state;
        let release = self.settled(&staged, committed)?;
        self.finish(&staged, next, state)?;
        // All is done: a wish to stop has come too late to be heard.
        let _ = report(observer, Phase::Release, 1, Some(1));
        Ok(Forgotten {
            record: request,
            release,
        })
    }

    fn newton<'o>(
        &self,
        state: &TrainingState,
        forget: &Selection,
        retained: &Selection,
        settings: &NewtonSettings,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<'o>, Error> {
        let model = self.model(state.weights.statistics.clone());
        let kept = self.kept_sketch(settings.preconditioning);
        let reached = matches!(
            state.progress.ending,
            Some(TrainingEnding::GradientReached { .. })
        );
        let outcome = newton::step(
            &NewtonTask {
                weights: &state.weights.parameters,
                retain: &NetworkObjective::new(&model, &self.records.train, retained)?,
                forget: &NetworkObjective::new(&model, &self.records.train, forget)?,
                ball: &self.ball,
                proved_gradient_bound: self.config.training.until_gradient.filter(|_| reached),
                kept: kept.as_ref(),
            },
            settings,
            observer,
        )?;
        if let Some(made) = outcome.made {
            self.keep_sketch(settings.preconditioning, &made)?;
        }
        let mut next = state.clone();
        next.weights.statistics = self.statistics_on(retained, &outcome.weights)?;
        next.weights.parameters = outcome.weights;
        if next.progress.ending.is_none() {
            self.trainer(retained).reset(&mut next);
        }
        let method = MethodReport::Newton {
            report: Box::new(outcome.report),
        };
        Ok(Outcome {
            state: next,
            way: Way::Bounded(outcome.candidates),
            method,
        })
    }

    fn retraining<'o>(
        &self,
        state: &TrainingState,
        retained: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<'o>, Error> {
        let mut next = self.retrained(retained, observer)?;
        let method = MethodReport::Retrain {
            progress: next.progress.clone(),
        };
        if state.progress.ending.is_some() {
            next.progress = state.progress.clone();
        }
        Ok(Outcome {
            state: next,
            way: Way::Bounded(self.bounds_of_reached()?),
            method,
        })
    }

    /// How a model does on the records to forget and on the test records.
    fn effect_of(
        &self,
        state: &TrainingState,
        forget: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<(Measured, Measured), Error> {
        let model = self.model(state.weights.statistics.clone());
        let w = &state.weights.parameters;
        let test = Selection::all(self.records.test.len());
        Ok((
            measure(&model, w, &self.records.train, forget, observer)?,
            measure(&model, w, &self.records.test, &test, observer)?,
        ))
    }

    /// Has the ledger say that the staged state counts.
    fn commit(
        &self,
        asked: &ForgetRequest,
        staged: &Staged,
        next: &StateRecord,
        state: &TrainingState,
        way: Way<'_>,
    ) -> Result<Option<Released>, Error> {
        match (asked.release, way) {
            (Some(choice), Way::Bounded(candidates)) => self
                .release(choice, staged, next, state, candidates)
                .map(Some),
            (Some(_), Way::Noised(noised)) => {
                let request = next.requests.last().ok_or(Error::NoRecords)?;
                Ok(Some(noised.release(staged.digest, method_facts(request)?)?))
            }
            (None, _) => self.record(staged, next).map(|()| None),
        }
    }

    /// What holds after a commit: an error after the ledger's transaction leaves a request that
    /// counts.
    fn settled<T>(&mut self, staged: &Staged, committed: Result<T, Error>) -> Result<T, Error> {
        let undone = committed.is_err()
            && !matches!(recover(&self.root), Ok(last) if last.state != Some(staged.digest));
        self.broken = undone;
        if committed.is_err() && !undone {
            self.store.sweep()?;
        }
        committed
    }

    fn record(&self, staged: &Staged, next: &StateRecord) -> Result<(), Error> {
        let request = next.requests.last().ok_or(Error::NoRecords)?;
        record_request(&self.root, staged.digest, &self.request_facts(request)?)?;
        Ok(())
    }

    /// Makes a committed state the current one, on disk and in memory.
    fn finish(
        &mut self,
        staged: &Staged,
        next: StateRecord,
        state: TrainingState,
    ) -> Result<(), Error> {
        self.broken = true;
        self.store.commit(staged)?;
        let number = next.number;
        self.current = Some((next, state));
        self.broken = false;
        if !self.config.keep_iterates {
            for older in self
                .store
                .numbers()?
                .into_iter()
                .filter(|&older| older < number)
            {
                self.store.remove(older)?;
            }
        }
        Ok(())
    }
}

/// A request in words that name nobody.
fn kind(request: &RecordRequest) -> String {
    match request {
        RecordRequest::Positions(_) => "positions".to_owned(),
        RecordRequest::Hash(_) => "hash".to_owned(),
        RecordRequest::Subject(_) => "subject".to_owned(),
        RecordRequest::Class(_) | RecordRequest::Random { .. } => request.to_string(),
    }
}
