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
use rescind::methods::MethodChoice as Method;
use rescind::methods::newton::{NewtonSettings, NewtonTask, step};
use rescind::training::{Trainer, TrainingSettings};
use rescind::{Error, NetworkObjective, Observer};
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
    trained: BTreeMap<usize, Weights<f32>>,
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
        if method.as_ref().is_some_and(|method| !known(method)) {
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
                return shadow.train(&stay, observer);
            }
            let original = match trained.entry(task.number) {
                Slot::Occupied(done) => done.into_mut(),
                Slot::Vacant(free) => free.insert(shadow.train(task.train, observer)?),
            };
            match how {
                Forgetting::Entry(entry, noise) => {
                    shadow.forget(original, entry, method.as_ref(), noise, observer)
                }
                _ => Ok(original.clone()),
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

/// Whether a shadow, which has no run, can be made to forget by this method.
fn known(method: &Method) -> bool {
    matches!(&*method.name, "newton" | "retrain")
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

    fn train(&self, on: &Selection, observer: &mut dyn Observer) -> Result<Weights<f32>, Error> {
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
        Ok(state.weights)
    }

    fn forget(
        &self,
        original: &Weights<f32>,
        entry: &Entry,
        method: Option<&Method>,
        noise: Option<f64>,
        observer: &mut dyn Observer,
    ) -> Result<Weights<f32>, Error> {
        let (run, dataset) = (&self.bench.run, self.task.dataset);
        let model = run.network_model(original.statistics.clone())?;
        let stay = self.task.train.difference(self.task.forget)?;
        let settings = self.settings();
        let mut weights = match (&entry.method, method) {
            (MethodChoice::Baseline { baseline }, _) => {
                let task = BaselineTask {
                    model: &model,
                    weights: original,
                    dataset,
                    retained: &stay,
                    forgotten: self.task.forget,
                    training: &settings,
                    ball: run.ball(),
                    seed: settings.seed,
                };
                baseline.forget(&task, observer)?
            }
            (_, Some(method)) if method.name == "newton" => {
                let settings: NewtonSettings = method.typed()?;
                let task = NewtonTask {
                    weights: &original.parameters,
                    retain: &NetworkObjective::new(&model, dataset, &stay)?,
                    forget: Some(&NetworkObjective::new(&model, dataset, self.task.forget)?),
                    forgotten: self.task.forget.len(),
                    ball: run.ball(),
                    proved_gradient_bound: None,
                    kept: None,
                };
                Weights {
                    parameters: step(&task, &settings, observer)?.weights,
                    statistics: original.statistics.clone(),
                }
            }
            _ => self.train(&stay, observer)?,
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
