//! Shadow models for the likelihood-ratio attack: trained once for a seed, made to forget by every
//! method.

use super::bench::Bench;
use super::config::{Entry, MethodChoice};
use super::{CompareError, Comparison, Likelihood};
use crate::attack::{Performance, ShadowPlan, ShadowTask, likelihood_ratio_attack};
use crate::baseline::BaselineTask;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rescind::methods::{Checkpoint, Kept, Method, Step, Task};
use rescind::training::{Trainer, TrainingSettings, TrainingState};
use rescind::{Error, ModelError, Observer};
use rescind_data::{Dataset, Selection, epoch_order};
use rescind_network::Weights;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

/// The shadows of one seed.
pub(super) struct Shadows {
    plan: ShadowPlan,
    dataset: Dataset,
    retained: Selection,
    members: Selection,
    others: Selection,
    trained: BTreeMap<usize, TrainingState>,
}

/// How a shadow forgets.
#[derive(Clone, Copy)]
pub(super) enum Forgetting<'a> {
    /// Not at all: the original model.
    Nothing,
    /// By training without the records.
    Retraining,
    /// By a method of the comparison, with noise of this deviation if it was released.
    Entry(&'a Entry, Option<f64>),
}

impl Shadows {
    /// Draws whom to attack: forgotten records, and as many test records.
    pub fn new(bench: &Bench, likelihood: Likelihood, seed: u64) -> Result<Self, Error> {
        let (train, test) = (
            bench.run.classifier()?.train_records()?,
            bench.run.classifier()?.test_records()?,
        );
        let dataset = Dataset::new(
            train.name(),
            train.input_shape().to_vec(),
            train.class_names().to_vec(),
            [train.inputs(), test.inputs()].concat(),
            [train.labels(), test.labels()].concat(),
        )?;
        let count = likelihood
            .records
            .min(bench.forgotten.len())
            .min(test.len());
        let draw = |of: &Selection, shift: usize| {
            let mut drawn = epoch_order(of, seed, 0);
            drawn.truncate(count);
            drawn.iter_mut().for_each(|position| *position += shift);
            Selection::new(dataset.len(), drawn)
        };
        Ok(Shadows {
            plan: ShadowPlan {
                models: likelihood.shadows,
                seed,
            },
            retained: Selection::new(dataset.len(), bench.retained.positions().to_vec())?,
            members: draw(&bench.forgotten, 0)?,
            others: draw(&bench.test, train.len())?,
            dataset,
            trained: BTreeMap::new(),
        })
    }

    /// Attacks a model; nothing for a method that works on runs alone.
    pub fn attack(
        &mut self,
        comparison: &Comparison,
        bench: &Bench,
        target: &Weights<f32>,
        how: Forgetting<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Performance>, CompareError> {
        let method = match how {
            Forgetting::Entry(entry, _) => comparison.method(entry)?,
            _ => None,
        };
        let method = method.map(|choice| choice.method()).transpose()?;
        let method = method.as_deref();
        if method.is_some_and(|method| !method.works_without_a_run()) {
            return Ok(None);
        }
        let Shadows {
            plan,
            dataset,
            retained,
            members,
            others,
            trained,
        } = self;
        let mut unlearn = |task: &ShadowTask<'_>| {
            let shadow = Shadow { bench, task };
            if let Forgetting::Retraining = how {
                let stay = task.train.difference(task.forget)?;
                return Ok(shadow.train(&stay, observer)?.weights);
            }
            let original = match trained.entry(task.number) {
                Slot::Occupied(done) => done.into_mut(),
                Slot::Vacant(free) => free.insert(shadow.train(task.train, observer)?),
            };
            match how {
                Forgetting::Entry(entry, noise) => {
                    shadow.forget(original, entry, method, noise, observer)
                }
                _ => Ok(original.weights.clone()),
            }
        };
        let model = bench.run.network_model(target.statistics.clone())?;
        let performance = likelihood_ratio_attack(
            &model,
            target,
            dataset,
            retained,
            members,
            others,
            *plan,
            &mut unlearn,
        )?;
        Ok(Some(performance))
    }
}

struct Shadow<'a> {
    bench: &'a Bench,
    task: &'a ShadowTask<'a>,
}

impl Shadow<'_> {
    /// The original's seed and others of its own.
    fn settings(&self) -> TrainingSettings {
        let training = &self.bench.run.settings().training;
        let seed = training
            .seed
            .wrapping_add(1000 * (self.task.number as u64 + 1));
        TrainingSettings {
            seed,
            ..training.clone()
        }
    }

    fn train(&self, on: &Selection, observer: &mut dyn Observer) -> Result<TrainingState, Error> {
        let run = &self.bench.run;
        let settings = self.settings();
        let model = run.classifier()?.over(self.task.dataset.clone())?;
        let trainer = Trainer {
            model: &model,
            train: on,
            validation: &Selection::none(self.task.dataset.len()),
            settings: &settings,
            ball: run.ball(),
        };
        let mut state = trainer.start()?;
        trainer.run(&mut state, &mut |_| Ok(()), observer)?;
        Ok(state)
    }

    fn forget(
        &self,
        original: &TrainingState,
        entry: &Entry,
        method: Option<&dyn Method>,
        noise: Option<f64>,
        observer: &mut dyn Observer,
    ) -> Result<Weights<f32>, Error> {
        let (run, dataset) = (&self.bench.run, self.task.dataset);
        let stay = self.task.train.difference(self.task.forget)?;
        let settings = self.settings();
        let mut weights = match (&entry.method, method) {
            (MethodChoice::Baseline { baseline }, _) => {
                let weights = &original.weights;
                let model = run.network_model(weights.statistics.clone())?;
                let own = run.classifier()?.over(dataset.clone())?;
                let task = BaselineTask {
                    model: &model,
                    weights,
                    dataset,
                    retained: &stay,
                    forgotten: self.task.forget,
                    training: Trainer {
                        model: &own,
                        train: self.task.train,
                        validation: &Selection::none(dataset.len()),
                        settings: &settings,
                        ball: run.ball(),
                    },
                    seed: settings.seed,
                };
                baseline.forget(&task, None, observer)?
            }
            (_, Some(method)) => {
                let task = Task {
                    model: &run.classifier()?.over(dataset.clone())?,
                    state: original,
                    forget: self.task.forget,
                    retained: &stay,
                    validation: &Selection::none(dataset.len()),
                    training: &settings,
                    ball: run.ball(),
                    noise: None,
                    inputs_moved: false,
                    kept: self,
                };
                match method.step(task, observer)? {
                    Step::Taken(outcome) => outcome.state.weights,
                    Step::Noisy(_) => return Err(needs_a_run(method).into()),
                }
            }
            _ => self.train(&stay, observer)?.weights,
        };
        if let Some(sigma) = noise {
            let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
            for w in &mut weights.parameters {
                let normal: f64 = StandardNormal.sample(&mut random);
                *w += (sigma * normal) as f32;
            }
        }
        Ok(weights)
    }
}

/// A shadow keeps nothing.
impl Kept for Shadow<'_> {
    fn bytes(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    fn keep(&self, _name: &str, _bytes: &[u8]) -> Result<(), ModelError> {
        Ok(())
    }

    fn retrained(
        &self,
        on: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, ModelError> {
        Ok(self.train(on, observer)?)
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, ModelError> {
        Ok(None)
    }

    fn early_state(&self) -> Result<TrainingState, ModelError> {
        Err(ModelError::NoCheckpoint)
    }
}

fn needs_a_run(method: &dyn Method) -> ModelError {
    ModelError::MethodSettings {
        method: method.name(),
        reason: "it adds noise at every step, which only a run can".to_owned(),
    }
}
