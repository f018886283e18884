//! What a [`Classifier`] can do besides a gradient.

use super::Classifier;
use crate::error::{Error, Failure};
use crate::model::{BatchNorm, CurvatureProducts, DoublePrecision, Minibatches, OwnObjectives};
use crate::native::head::HeadObjective;
use crate::native::network::NetworkObjective;
use crate::native::tangent::TangentObjective;
use crate::objective::{Curvature, Objective};
use crate::outputs::ConvexObjective;
use crate::penalty::L2Penalty;
use rescind_data::{Dataset, Selection, epoch_order};
use rescind_network::{Batch, Evaluator};

impl CurvatureProducts for Classifier {
    fn product(
        &self,
        which: Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure> {
        let objective = self.over_positions(records)?;
        Ok(objective.curvature(w, which)?.product(v, out)?)
    }
}

impl DoublePrecision for Classifier {
    fn exact_gradient(
        &self,
        w: &[f64],
        records: &[usize],
        gradient: &mut [f64],
    ) -> Result<f64, Failure> {
        Ok(self.over_positions(records)?.exact_gradient(w, gradient)?)
    }

    fn exact_product(
        &self,
        which: Curvature,
        w: &[f64],
        records: &[usize],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure> {
        Ok(self
            .over_positions(records)?
            .exact_product(w, which, v, out)?)
    }
}

impl OwnObjectives for Classifier {
    fn objective<'a>(
        &'a self,
        on: &Selection,
        statistics: &[f32],
        penalty: &L2Penalty,
    ) -> Result<Box<dyn Objective + 'a>, Error> {
        let (model, train) = (self.with(statistics, penalty), self.train_records()?);
        train.check_present(on)?;
        Ok(
            match (self.features()?, self.parameterisation.is_convex()) {
                (Some(features), _) => Box::new(HeadObjective::new(features, &model, on)?),
                (None, true) => Box::new(TangentObjective::new(&model, train, on)?),
                (None, false) => Box::new(NetworkObjective::new(&model, train, on)?),
            },
        )
    }

    fn convex_objective<'a>(
        &'a self,
        on: &Selection,
        penalty: &L2Penalty,
    ) -> Result<Box<dyn ConvexObjective + 'a>, Error> {
        let (model, train) = (self.with(&[], penalty), self.train_records()?);
        train.check_present(on)?;
        Ok(
            match (self.features()?, self.parameterisation.is_convex()) {
                (Some(features), _) => Box::new(HeadObjective::new(features, &model, on)?),
                (None, true) => Box::new(TangentObjective::new(&model, train, on)?),
                (None, false) => {
                    return Err(Error::Lacks {
                        capability: "outputs that are linear in the weights",
                    });
                }
            },
        )
    }

    fn minibatches<'a>(&'a self, penalty: &L2Penalty) -> Result<Box<dyn Minibatches + 'a>, Error> {
        let model = self.with(&self.network.initial_statistics(), penalty);
        Ok(Box::new(NetworkMinibatches {
            evaluator: model.evaluator()?,
            dataset: self.train_records()?,
            inputs: Vec::new(),
            labels: Vec::new(),
        }))
    }
}

/// Gradients of a network in training mode, with buffers that are used again.
struct NetworkMinibatches<'a> {
    evaluator: Evaluator<'a, f32>,
    dataset: &'a Dataset,
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl Minibatches for NetworkMinibatches<'_> {
    fn gradient(
        &mut self,
        w: &[f32],
        records: &[usize],
        gradient: &mut [f32],
        statistics: &mut [f32],
        momentum: f64,
    ) -> Result<f64, Error> {
        self.dataset
            .copy_batch(records, &mut self.inputs, &mut self.labels)?;
        let batch = Batch::classes(&self.inputs, &self.labels);
        let loss = self
            .evaluator
            .training_gradient(w, batch, gradient, statistics, momentum)?;
        Ok(loss)
    }
}

impl BatchNorm for Classifier {
    fn initial(&self) -> Vec<f32> {
        self.network.initial_statistics()
    }

    /// The mean over minibatches of each one's mean and unbiased variance, as re-estimating them
    /// after weight averaging does (Izmailov et al. 2018).
    fn on(
        &self,
        records: &Selection,
        w: &[f32],
        minibatch: usize,
        seed: u64,
    ) -> Result<Vec<f32>, Error> {
        let evaluator = self
            .model(self.network.initial_statistics(), 0.0)
            .evaluator::<f32>()?;
        let train = self.train_records()?;
        let order = epoch_order(records, seed, 0);
        // A mean over records, so that a small last minibatch counts for little; one of a single
        // record has no variance.
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        let mut sums = vec![0.0_f64; self.network.statistic_count()];
        let mut counted = 0;
        let batches = order.chunks(minibatch.max(2));
        for batch in batches.filter(|batch| batch.len() > 1) {
            train.copy_batch(batch, &mut inputs, &mut labels)?;
            let own = evaluator.batch_statistics(w, &inputs)?;
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum += f64::from(own) * batch.len() as f64;
            }
            counted += batch.len();
        }
        if counted == 0 {
            return Err(Error::NoRecords);
        }
        let means = sums.into_iter().map(|sum| (sum / counted as f64) as f32);
        Ok(means.collect())
    }
}
