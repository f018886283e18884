//! The objective of a network over records in memory.

use super::model::NetworkModel;
use super::weighted::mean_over_blocks;
use crate::error::Error;
use crate::objective::{Curvature, Minibatch, Objective};
use crate::products::Products;
use crate::sampling::{poisson_sample, uniform_sample};
use rayon::prelude::*;
use rescind_data::{Dataset, DatasetError, Selection};
use rescind_network::{Batch, Evaluator, Linearization, Network, Scalar, softmax};
use std::sync::{Mutex, OnceLock, PoisonError};

/// [`Objective`] of a network over selected records of a dataset.
///
/// Copies the selected inputs the first time that a pass in single precision over all of them asks
/// for it, unless all records of the dataset are selected.
pub struct NetworkObjective<'n, 'd> {
    model: NetworkModel<'n>,
    evaluator: Evaluator<'n, f32>,
    exact: Evaluator<'n, f64>,
    dataset: &'d Dataset,
    /// Of the selected records in the dataset, ascending.
    positions: Vec<usize>,
    /// Of the selected records' losses, in the same order.
    weights: Option<Vec<f32>>,
    gathered: OnceLock<(Vec<f32>, Vec<u32>)>,
}

impl<'n, 'd> NetworkObjective<'n, 'd> {
    /// `F_S` of `model` over the records `selection` of `dataset`.
    ///
    /// # Errors
    /// An empty selection or one of another dataset; inputs that are not of the network's shape;
    /// and as [`NetworkModel::evaluator`].
    pub fn new(
        model: &NetworkModel<'n>,
        dataset: &'d Dataset,
        selection: &Selection,
    ) -> Result<Self, Error> {
        check_fit(model.network, dataset, selection)?;
        Self::of(model.clone(), dataset, selection.positions().to_vec(), None)
    }

    fn of(
        model: NetworkModel<'n>,
        dataset: &'d Dataset,
        positions: Vec<usize>,
        weights: Option<Vec<f32>>,
    ) -> Result<Self, Error> {
        let (evaluator, exact) = (model.evaluator()?, model.evaluator()?);
        Ok(NetworkObjective {
            model,
            evaluator,
            exact,
            dataset,
            positions,
            weights,
            gathered: OnceLock::new(),
        })
    }

    fn batch(&self) -> Batch<'_, f32> {
        let batch = self.unweighted();
        match &self.weights {
            Some(weights) => batch.weighted(weights),
            None => batch,
        }
    }

    fn unweighted(&self) -> Batch<'_, f32> {
        if self.positions.len() == self.dataset.len() {
            return Batch::classes(self.dataset.inputs(), self.dataset.labels());
        }
        let (inputs, labels) = self.gathered.get_or_init(|| {
            let (all, len) = (self.dataset, self.dataset.input_len());
            let mut inputs = vec![0.0; self.positions.len() * len];
            let places = inputs.par_chunks_exact_mut(len).zip(&self.positions);
            places.with_min_len(64).for_each(|(to, &position)| {
                to.copy_from_slice(&all.inputs()[position * len..][..len]);
            });
            let labels = self.positions.iter().map(|&at| all.labels()[at]);
            (inputs, labels.collect())
        });
        Batch::classes(inputs, labels)
    }

    /// Positions in the dataset and weights of the records at these places among the selected.
    fn at(&self, places: &[usize]) -> (Vec<usize>, Option<Vec<f32>>) {
        let positions = places.iter().map(|&place| self.positions[place]).collect();
        let weights = self.weights.as_ref();
        let weights = weights.map(|all| places.iter().map(|&place| all[place]).collect());
        (positions, weights)
    }

    /// How much of the outputs' curvature every record has: `Σ_k p_k(1 − p_k)` in its Gauss–Newton
    /// part, and `‖p − y‖²` for what the network's own curvature is multiplied by. Times its weight.
    fn shares(&self, w: &[f32]) -> Result<Vec<f64>, Error> {
        let (all, outputs) = (self.dataset, self.model.network.outputs());
        // Most of a data set is read where it lies.
        let whole = 2 * self.positions.len() > all.len();
        let logits = match whole {
            true => self.evaluator.logits(w, all.inputs())?,
            false => self.evaluator.logits(w, self.unweighted().inputs)?,
        };
        let share = |p: &mut Vec<f32>, (place, &position): (usize, &usize)| {
            let row = if whole { position } else { place };
            softmax(&logits[row * outputs..][..outputs], p);
            let label = all.labels()[position] as usize;
            let wide = p.iter().map(|&p| f64::from(p)).enumerate();
            let own = wide.map(|(k, p)| {
                let y = if k == label { 1.0 } else { 0.0 };
                p * (1.0 - p) + (p - y).powi(2)
            });
            let weight = self
                .weights
                .as_ref()
                .map_or(1.0, |all| f64::from(all[place]));
            weight * own.sum::<f64>().max(0.0)
        };
        let places = self.positions.par_iter().enumerate();
        let buffer = || vec![0.0; outputs];
        Ok(places.map_init(buffer, share).collect())
    }

    /// Means over all records of what double-precision passes give.
    fn mean(
        &self,
        out: &mut [f64],
        pass: impl FnMut(Batch<'_, f64>, &mut [f64]) -> Result<f64, Error>,
    ) -> Result<f64, Error> {
        let weights = self.weights.as_deref();
        mean_over_blocks(self.dataset, &self.positions, weights, out, pass)
    }

    fn linearized<'a>(&'a self, w: &'a [f32], which: Curvature) -> Result<Full<'a>, Error> {
        Ok(Full {
            which,
            at: self.evaluator.linearize(w, self.batch())?,
        })
    }
}

impl Objective for NetworkObjective<'_, '_> {
    fn dim(&self) -> usize {
        self.evaluator.network().parameter_count()
    }

    fn records(&self) -> usize {
        self.positions.len()
    }

    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        Ok(self.evaluator.gradient(w, self.batch(), gradient)?)
    }

    fn value(&self, w: &[f32]) -> Result<f64, Error> {
        Ok(self.evaluator.loss(w, self.batch())?)
    }

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        self.mean(gradient, |batch, out| {
            Ok(self.exact.gradient(w, batch, out)?)
        })
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        Ok(Box::new(self.linearized(w, which)?))
    }

    fn sampled_curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
        minibatch: Minibatch,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        if minibatch.records == 0 {
            return Err(Error::NoRecords);
        }
        let full = self.linearized(w, which)?;
        Ok(Box::new(Sampled {
            objective: self,
            w,
            full,
            minibatch,
            buffers: Mutex::default(),
        }))
    }

    fn exact_product(
        &self,
        w: &[f64],
        which: Curvature,
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        self.mean(out, |batch, out| {
            product(&self.exact.linearize(w, batch)?, which, v, out)?;
            Ok(0.0)
        })?;
        Ok(())
    }

    fn exact_gradient_and_product(
        &self,
        w: &[f64],
        which: Curvature,
        v: &[f64],
        gradient: &mut [f64],
        out: &mut [f64],
    ) -> Result<f64, Error> {
        let mut both = vec![0.0; 2 * w.len()];
        let value = self.mean(&mut both, |batch, both| {
            let at = self.exact.linearize(w, batch)?;
            let (gradient, out) = both.split_at_mut(w.len());
            gradient.copy_from_slice(at.gradient());
            product(&at, which, v, out)?;
            Ok(at.loss())
        })?;
        gradient.copy_from_slice(&both[..w.len()]);
        out.copy_from_slice(&both[w.len()..]);
        Ok(value)
    }

    fn subset(&self, records: usize, seed: u64) -> Result<Box<dyn Objective + '_>, Error> {
        let drawn = uniform_sample(self.records(), records, seed)?;
        let (positions, weights) = self.at(&drawn);
        let (model, dataset) = (self.model.clone(), self.dataset);
        Ok(Box::new(Self::of(model, dataset, positions, weights)?))
    }

    fn curved_subset(
        &self,
        w: &[f32],
        records: usize,
        seed: u64,
    ) -> Result<Box<dyn Objective + '_>, Error> {
        let drawn = poisson_sample(&self.shares(w)?, records, seed);
        if drawn.is_empty() {
            // No record has any curvature: any will do.
            return self.subset(records, seed);
        }
        let places: Vec<usize> = drawn.iter().map(|&(place, _)| place).collect();
        let (positions, own) = self.at(&places);
        let scale = drawn.len() as f64 / self.records() as f64;
        let weights = drawn.iter().enumerate().map(|(at, (_, chance))| {
            let own = own.as_ref().map_or(1.0, |own| f64::from(own[at]));
            (own * scale / chance) as f32
        });
        let weights = Some(weights.collect());
        let model = self.model.clone();
        Ok(Box::new(Self::of(model, self.dataset, positions, weights)?))
    }
}

/// Refuses records that the network cannot take, and none at all.
/// Whether records of this shape and so many classes fit the network.
pub(crate) fn check_shapes(
    network: &Network,
    input_shape: &[usize],
    classes: usize,
) -> Result<(), Error> {
    let values = input_shape.iter().product::<usize>();
    if values != network.input_shape().len() || classes > network.outputs() {
        return Err(Error::ModelDoesNotFit {
            input: network.input_shape().dims(),
            outputs: network.outputs(),
            records: input_shape.to_vec(),
            classes,
        });
    }
    Ok(())
}

pub(crate) fn check_fit(
    network: &Network,
    dataset: &Dataset,
    selection: &Selection,
) -> Result<(), Error> {
    check_shapes(network, dataset.input_shape(), dataset.class_names().len())?;
    dataset.check_present(selection)?;
    match selection.positions().last() {
        None => Err(Error::NoRecords),
        Some(&position) if position >= dataset.len() => {
            let records = dataset.len();
            Err(DatasetError::OutOfRange { position, records }.into())
        }
        Some(_) => Ok(()),
    }
}

/// Appends the records at these positions.
fn gather(dataset: &Dataset, positions: &[usize], inputs: &mut Vec<f32>, labels: &mut Vec<u32>) {
    let len = dataset.input_len();
    for &position in positions {
        inputs.extend_from_slice(&dataset.inputs()[position * len..][..len]);
        labels.push(dataset.labels()[position]);
    }
}

fn product<T: Scalar>(
    at: &Linearization<'_, T>,
    which: Curvature,
    v: &[T],
    out: &mut [T],
) -> Result<(), Error> {
    match which {
        Curvature::Hessian => at.hvp(v, out)?,
        Curvature::GaussNewton => at.ggn(v, out)?,
    }
    Ok(())
}

/// The curvature over all records.
struct Full<'a> {
    which: Curvature,
    at: Linearization<'a, f32>,
}

impl Products for Full<'_> {
    fn dim(&self) -> usize {
        self.at.dim()
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        product(&self.at, self.which, v, out)
    }
}

/// The curvature over all records or over minibatches.
struct Sampled<'a> {
    objective: &'a NetworkObjective<'a, 'a>,
    w: &'a [f32],
    full: Full<'a>,
    minibatch: Minibatch,
    buffers: Mutex<(Vec<f32>, Vec<u32>)>,
}

impl Products for Sampled<'_> {
    fn dim(&self) -> usize {
        self.full.dim()
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        self.full.product(v, out)
    }

    fn sampled_product(
        &self,
        chain: u64,
        step: u64,
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let drawn = self.minibatch.draw(chain, step, self.objective.records());
        let (drawn, weights) = self.objective.at(&drawn);

        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let (inputs, labels) = &mut *buffers;
        inputs.clear();
        labels.clear();
        gather(self.objective.dataset, &drawn, inputs, labels);
        let batch = Batch::classes(inputs, labels);
        let batch = weights.as_deref().map_or(batch, |a| batch.weighted(a));
        let at = self.objective.evaluator.linearize(self.w, batch)?;
        product(&at, self.full.which, v, out)
    }
}
