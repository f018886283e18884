//! One request end to end: resolve, decide, step, noise, publish.

use super::Run;
use super::effect::effect;
use super::noised::{finetune_report, goes_on};
use super::release_later::private_weights;
use super::resolve::Resolved;
use super::store::{Staged, StateRecord};
use crate::code::CodeKind;
use crate::error::Error;
use crate::ledger::{Budget, Ledger, PrivateRow, recover};
use crate::release::{
    FineTuneOrder, NoiseLimit, Noised, PrivateWeights, ReleaseError, ReleaseOrder, Released,
    RequestFacts, fine_tune, fresh_salt, record_request, release, spending, terms_in_advance,
};
use crate::request::{Answer, Answered, Request};
use crate::time::{now, rfc3339};
use rescind_data::{RecordRequest, Selection};
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::SensitivityBound;
use rescind_unlearn::methods::{Method, MethodChoice, Outcome, Step, Task, check_suits};
use rescind_unlearn::training::TrainingState;
use rescind_unlearn::{Ball, Model, Observer, Phase, norm_above, report};
use std::time::Instant;

/// A request whose records are known.
struct Prepared<'a> {
    request: &'a Request,
    resolved: Resolved,
    retained: Selection,
    method: Box<dyn Method>,
    /// Why it is that one, where the run chose another than it usually does.
    why: Option<String>,
    requested_at: u64,
    began: Instant,
}

/// Where a step's noise is.
enum Noise<'a> {
    /// Still to be added, in a size that these bounds decide.
    After(Vec<SensitivityBound>),
    /// In it.
    Within(Box<Noised<'a>>),
}

impl Run {
    /// Forgets records: the private weights move, the release is made if one is asked for, and
    /// from then on the run knows only the records that stay. If training had not ended it goes on
    /// from there with [`train`](Self::train), on these alone and with a fresh optimiser.
    ///
    /// All or nothing: on any error, refusals included, the run is as it was. What follows from
    /// settings and public numbers is refused before any pass over records.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); [`Error::KeyReused`]; what the method and the release meet;
    /// interruption.
    pub fn forget(
        &mut self,
        request: &Request,
        observer: &mut dyn Observer,
    ) -> Result<Answer, Error> {
        if let Some(answer) = self.answered_before(request)? {
            return Ok(answer);
        }
        let began = Instant::now();
        self.trained()?;
        self.model_is_here()?;
        let resolved = match self.resolve(&request.records) {
            Err(error) if error.code().kind() == CodeKind::Nothing => {
                let why = error.code().as_str();
                self.ledger.nothing_to_do(why, &request.digest()?)?;
                return Err(error);
            }
            resolved => resolved?,
        };
        let retained = self.retained.difference(&resolved.forget)?;
        let mut why = None;
        let method = match &request.method {
            Some(choice) => choice.method()?,
            None => {
                let (model, stay) = (&*self.setup.model, retained.len());
                let usual = MethodChoice::default_for(model, 0, stay);
                let chosen = MethodChoice::default_for(model, resolved.forget.len(), stay);
                if chosen != usual {
                    let (chosen, usual) = (&chosen.name, &usual.name);
                    why = Some(format!(
                        "{chosen} and not {usual}, as most of the records go"
                    ));
                }
                chosen.method()?
            }
        };
        let prepared = Prepared {
            request,
            resolved,
            retained,
            method,
            why,
            requested_at: now(),
            began,
        };
        check_suits(&*prepared.method, &*self.setup.model)?;
        self.decide(&prepared)?;
        let rescaled = self.setup.model.rescaled(&prepared.retained, observer)?;
        let before = rescaled.map(|rescaled| std::mem::replace(&mut self.setup.model, rescaled));
        let answer = self.carry_out(prepared, before.as_deref(), observer);
        let answer = answer.map_err(|error| self.blamed(error));
        if let (Err(_), Some(before)) = (&answer, before) {
            self.setup.model = before;
        }
        answer
    }

    /// The answer to an earlier request of the same key.
    fn answered_before(&self, request: &Request) -> Result<Option<Answer>, Error> {
        let Some(key) = &request.key else {
            return Ok(None);
        };
        let Some(body) = self.ledger.answer_to_key(key)? else {
            return Ok(None);
        };
        let record = self.answered(&body)?;
        if record.digest != request.digest()? {
            return Err(Error::KeyReused {
                key: key.clone(),
                request: record.number,
            });
        }
        let release = match record.released {
            true => {
                let certificate = self.certificate(record.number)?.ok_or(Error::OpenAgain)?;
                let model = self.setup.model.description();
                Some(Released::reopened(&self.setup.root, model, certificate)?)
            }
            false => None,
        };
        Ok(Some(Answer {
            record,
            release,
            repeated: true,
        }))
    }

    /// Refuses what settings and public numbers rule out.
    fn decide(&self, prepared: &Prepared<'_>) -> Result<(), Error> {
        let (_, state) = self.trained()?;
        let choice = prepared.request.release.as_ref();
        if choice.is_some() {
            self.setup.check_classes(&prepared.retained)?;
        }
        let noise = choice.map(|choice| &choice.noise);
        let (retained, forgotten) = (prepared.retained.len(), prepared.resolved.forget.len());
        let public = self.setup.public(noise, retained, forgotten)?;
        let promise = prepared.method.promise(&public)?;
        let Some(choice) = choice else {
            return Ok(());
        };
        let history = self.ledger.history();
        let origin = match choice.insecure_noise_seed {
            Some(_) => Origin::InsecureSeed,
            None => Origin::OperatingSystem,
        };
        let budget = Budget::in_force(history, choice.budget, origin);
        let budget = budget.map_err(ReleaseError::from)?;
        if let Some(budget) = &budget {
            budget.check_spent(history).map_err(ReleaseError::from)?;
        }
        if !promise.settled {
            return Ok(());
        }
        let moving = self.setup.model.description().moving();
        let weights = moving.of(&state.weights.parameters);
        let mut length = norm_above(weights.into_iter().map(f64::from));
        if let Some(schedule) = &promise.noisy {
            length = length.min(schedule.radius + centre_norm(&self.setup.ball));
        }
        let limit = NoiseLimit::of(&choice.noise, choice.accept_noise, promise.recovers);
        let limit = (limit, length);
        let declarations = self.setup.declarations();
        let model = (self.setup.model.description(), &*declarations);
        let terms = terms_in_advance(model, &choice.noise, promise.bounds, origin, limit)?;
        if let Some(budget) = &budget {
            let spent = spending(&terms, promise.noisy.as_ref())?;
            let checked = budget.check(history, history.request_count() + 1, &spent);
            checked.map_err(ReleaseError::from)?;
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        prepared: Prepared<'_>,
        before: Option<&dyn Model>,
        observer: &mut dyn Observer,
    ) -> Result<Answer, Error> {
        self.trained()?;
        // Each of these is borrowed by itself: the ledger changes while the setup is looked at.
        let (setup, ledger, key) = (&self.setup, &mut self.ledger, &self.key);
        let Some((_, state)) = &self.current else {
            return Err(Error::OpenAgain);
        };
        let number = ledger.history().request_count() + 1;
        let forget = &prepared.resolved.forget;
        let mut facts = RequestFacts {
            number,
            requested_at: rfc3339(prepared.requested_at),
            records: setup.manifest.hashes_of(forget)?,
            salt: fresh_salt()?,
            private: PrivateRow {
                number,
                key: prepared.request.key.clone(),
                forgotten: forget.clone(),
                body: String::new(),
            },
        };
        let choice = prepared.request.release;
        let mut statistics = |w: &[f32]| {
            let computed = setup.statistics_on(&prepared.retained, w);
            computed.map_err(|error| error.to_string())
        };
        let kept = setup.kept();
        let task = Task {
            model: &*setup.model,
            state,
            forget,
            retained: &prepared.retained,
            validation: &setup.split.validation,
            training: &setup.settings.training,
            ball: &setup.ball,
            noise: choice.as_ref().map(|choice| &choice.noise),
            inputs_moved: before.is_some(),
            kept: &kept,
        };
        let step = prepared.method.step(task, observer)?;
        let (next, mut report_of, noise) = match step {
            Step::Taken(outcome) => {
                let Outcome {
                    state,
                    bounds,
                    report,
                } = *outcome;
                (state, report, Noise::After(bounds))
            }
            Step::Noisy(process) => {
                let choice = choice.ok_or(rescind_unlearn::Error::NoNoise {
                    method: prepared.method.name(),
                })?;
                let order = FineTuneOrder {
                    basis: setup.basis(
                        &choice,
                        &prepared.retained,
                        Some(facts.clone()),
                        &mut statistics,
                    ),
                    weights: PrivateWeights::new(state.weights.parameters.clone()),
                    schedule: process.schedule,
                    retained: process.retained.clone(),
                };
                let (noised, done) = fine_tune(order, ledger, observer)?;
                let report = finetune_report(prepared.method.name(), *process, &noised, done)?;
                let next = goes_on(setup, &prepared.retained, state, &noised)?;
                (next, report, Noise::Within(Box::new(noised)))
            }
        };
        if report_of.explanation.is_none() {
            report_of.explanation.clone_from(&prepared.why);
        }
        // Under the scaling that each set of weights was trained with.
        let (was, is) = (before.unwrap_or(&*setup.model), &*setup.model);
        let (was, is) = ((was, &state.weights), (is, &next.weights));
        let effect = effect(was, is, (forget, &prepared.retained), observer)?;
        let record = Answered {
            number,
            requested_at: prepared.requested_at,
            asked: prepared.request.records.iter().map(kind).collect(),
            digest: prepared.request.digest()?,
            salt: facts.salt,
            forgotten: forget.clone(),
            held_out: prepared.resolved.held_out.clone(),
            already: prepared.resolved.already.len(),
            copies_retained: prepared.resolved.copies_retained.clone(),
            emptied_classes: prepared.resolved.emptied_classes.clone(),
            method: report_of,
            bounds: match &noise {
                Noise::After(bounds) => bounds.clone(),
                Noise::Within(_) => Vec::new(),
            },
            training_finished: state.progress.ending.is_some(),
            released: choice.is_some(),
            effect,
            seconds: prepared.began.elapsed().as_secs_f64(),
        };
        facts.private.body = serde_json::to_string(&record).map_err(Error::Document)?;
        let method = record.reported();
        let mut written = setup.state_record(&prepared.retained, number);
        report(observer, Phase::Release, 0, Some(1))?;
        let description = setup.model.description();
        let staged = setup.store.stage(description, &mut written, &next)?;
        let committed = match (choice, noise) {
            (Some(choice), Noise::After(candidates)) => {
                let order = ReleaseOrder {
                    basis: setup.basis(&choice, &prepared.retained, Some(facts), &mut statistics),
                    state: staged.digest,
                    weights: private_weights(&next),
                    candidates,
                    method,
                };
                release(order, ledger, key).map(Some)
            }
            (Some(_), Noise::Within(mut noised)) => {
                noised.set_private(facts.private.body);
                noised.release(ledger, key, staged.digest, method).map(Some)
            }
            (None, _) => record_request(ledger, staged.digest, &facts).map(|_| None),
        };
        let release = self.settled(&staged, number, committed.map_err(Error::from))?;
        let finished = self.finish(&staged, written, next, prepared.retained);
        finished.map_err(|error| self.answered_but(number, error))?;
        // All is done: a wish to stop has come too late to be heard.
        let _ = report(observer, Phase::Release, 1, Some(1));
        Ok(Answer {
            record,
            release,
            repeated: false,
        })
    }

    /// What holds after a commit: an error after the ledger's transaction leaves a request that
    /// counts, and says so.
    fn settled<T>(
        &mut self,
        staged: &Staged,
        number: u64,
        committed: Result<T, Error>,
    ) -> Result<T, Error> {
        if committed.is_ok() {
            return committed;
        }
        // What the database says now, whatever was thought of the transaction.
        let root = &self.setup.root;
        let found = Ledger::open_decided(root).map(|ledger| {
            let Some(ledger) = ledger else {
                return (false, false);
            };
            let last = ledger.history().last_request();
            let counts = last.is_some_and(|last| last.state == staged.digest);
            (counts, recover(root, &ledger).is_ok())
        });
        self.broken = !matches!(found, Ok((false, true)));
        if !self.broken {
            self.setup.store.sweep()?;
        }
        let counts = found.map(|(counts, _)| counts);
        match counts {
            Ok(true) => committed.map_err(|error| self.answered_but(number, error)),
            _ => committed,
        }
    }

    /// What went wrong once a request was recorded.
    fn answered_but(&self, number: u64, error: Error) -> Error {
        Error::Answered {
            path: self.setup.root.clone(),
            number,
            source: Box::new(error),
        }
    }

    /// Makes a committed state the current one, on disk and in memory.
    fn finish(
        &mut self,
        staged: &Staged,
        record: StateRecord,
        state: TrainingState,
        retained: Selection,
    ) -> Result<(), Error> {
        self.broken = true;
        self.setup.store.commit_recorded(staged)?;
        self.current = Some((record, state));
        self.retained = retained;
        self.broken = false;
        self.discard_superseded()?;
        self.remove_older()
    }
}

/// How long the centre is.
fn centre_norm(ball: &Ball) -> f64 {
    let centre = ball.centre();
    centre.map_or(0.0, |centre| {
        norm_above(centre.iter().map(|&c| f64::from(c)))
    })
}

/// A request in words that name nobody.
fn kind(request: &RecordRequest) -> String {
    match request {
        RecordRequest::Positions(_) => "positions".to_owned(),
        RecordRequest::Lines(_) => "lines".to_owned(),
        RecordRequest::Hash(_) => "hash".to_owned(),
        RecordRequest::Subject(_) => "subject".to_owned(),
        RecordRequest::Class(_) | RecordRequest::Random { .. } => request.to_string(),
    }
}
