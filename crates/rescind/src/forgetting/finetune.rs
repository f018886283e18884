//! Answering a request by noisy fine-tuning or output perturbation.

use super::answer::{Asked, Outcome, Way};
use super::{MethodReport, ReleaseChoice};
use crate::Error;
use crate::methods::finetune::{FinetuneReport, FinetuneSchedule, Surroundings};
use crate::observer::Observer;
use crate::release::{FineTuneOrder, PrivateWeights, Retained, RetainedStatistics, fine_tune};
use crate::run::Run;
use crate::training::TrainingState;
use rescind_data::Selection;

impl Run {
    /// What a schedule may be chosen from.
    pub(crate) fn surroundings<'a>(&'a self, choice: &'a ReleaseChoice) -> Surroundings<'a> {
        Surroundings {
            network: &self.network,
            ball: &self.ball,
            training: &self.config.training,
            noise: &choice.noise,
        }
    }

    /// What noisy steps and recovery may see.
    pub(crate) fn retained_only<'a>(
        &'a self,
        records: &'a Selection,
        schedule: &FinetuneSchedule,
    ) -> Retained<'a> {
        let training = &self.config.training;
        Retained {
            model: self.model(self.network.initial_statistics()),
            dataset: &self.records.train,
            records,
            ball: &self.ball,
            minibatch: schedule.minibatch,
            seed: schedule.seed,
            penalty: training.penalty,
            recovery: schedule.recovery(training),
        }
    }

    /// The noised state that goes on from here, with its release ready to be made.
    pub(super) fn finetuned<'a>(
        &'a self,
        state: &TrainingState,
        asked: Asked<'a>,
        choice: ReleaseChoice,
        schedule: FinetuneSchedule,
        statistics: RetainedStatistics<'a>,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<'a>, Error> {
        let batch_norm = self.network.statistic_count() > 0;
        let order = FineTuneOrder {
            run: &self.root,
            network: &self.network,
            weights: PrivateWeights::new(state.weights.parameters.clone()),
            ball: self.released_ball(),
            schedule: schedule.accounted(),
            retained: self.retained_only(asked.retained, &schedule),
            noise: choice.noise,
            insecure_noise_seed: choice.insecure_noise_seed,
            statistics: batch_norm.then_some(statistics),
            budget: choice.budget,
            request: self.facts_of(asked.number, asked.requested_at, asked.forget)?,
            data: self.data_facts(asked.retained),
        };
        let (noised, done) = fine_tune(order, observer)?;
        let mut next = state.clone();
        next.weights.parameters = noised.weights().parameters().to_vec();
        // What goes on from here stays in the ball; a function of what was noised.
        let statistics = match self.ball.project(&mut next.weights.parameters) {
            true => self.statistics_on(asked.retained, &next.weights.parameters)?,
            false => noised.weights().statistics().to_vec(),
        };
        next.weights.statistics = statistics;
        if next.progress.ending.is_none() {
            self.trainer(asked.retained).reset(&mut next);
        }
        let steps = schedule.noisy_steps;
        let retained = asked.retained.len();
        let report = Box::new(FinetuneReport::new(schedule, retained, &noised, done));
        let method = match steps {
            0 => MethodReport::OutputPerturbation { report },
            _ => MethodReport::NoisyFinetune { report },
        };
        Ok(Outcome {
            state: next,
            way: Way::Noised(Box::new(noised)),
            method,
        })
    }
}
