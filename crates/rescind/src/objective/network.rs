//! The objective of a network over records in memory.

use super::weighted::mean_over_blocks;
use super::{Curvature, Minibatch, Objective};
use crate::Error;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rescind_curvature::{LinearOperator, SampledOperator};
use rescind_data::{Dataset, DatasetError, Selection, epoch_order};
use rescind_network::{
    Batch, Evaluator, Execution, Linearization, Loss, Network, Penalty, Scalar, Tangent,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A classifier without its weights: network, penalty, centre, and the frozen statistics of its
/// batch norms.
#[derive(Clone, Debug)]
pub struct NetworkModel<'n> {
    /// The network; its loss is softmax cross-entropy.
    pub network: &'n Network,
    /// Strength μ of the penalty `(μ/2)‖w − c‖²`.
    pub penalty: f64,
    /// The centre c; zero if absent.
    pub centre: Option<Arc<[f32]>>,
    /// Batch-norm statistics; empty without batch norm.
    pub statistics: Vec<f32>,
    /// Whether the outputs are those of the network linearised at the centre,
    /// `J_f(x; c)(w − c)`, rather than its own (THEORY §3).
    pub linearised: bool,
    /// Threads and memory.
    pub execution: Arc<Execution>,
}

impl<'n> NetworkModel<'n> {
    /// Without penalty, around zero, with initial statistics, on all processors.
    pub fn new(network: &'n Network) -> Self {
        NetworkModel {
            network,
            penalty: 0.0,
            centre: None,
            statistics: network.initial_statistics(),
            linearised: false,
            execution: Arc::default(),
        }
    }

    /// The model's outputs for some records, n × k.
    ///
    /// # Errors
    /// Weights or records that do not fit the network.
    pub fn logits(&self, w: &[f32], inputs: &[f32]) -> Result<Vec<f32>, Error> {
        if !self.linearised {
            return Ok(self.evaluator::<f32>()?.logits(w, inputs)?);
        }
        let centre = self.origin();
        let execution = Arc::clone(&self.execution);
        let tangent = Tangent::new(self.network, &centre, inputs, execution, false)?;
        let v: Vec<f32> = w.iter().zip(&*centre).map(|(w, c)| w - c).collect();
        Ok(tangent.logits(&v)?)
    }

    /// The centre, written out.
    pub(crate) fn origin(&self) -> Arc<[f32]> {
        match &self.centre {
            Some(centre) => Arc::clone(centre),
            None => vec![0.0; self.network.parameter_count()].into(),
        }
    }

    /// The evaluator of `F`, in either precision.
    ///
    /// # Errors
    /// A penalty that is negative or not finite, a centre or statistics of the wrong length.
    pub fn evaluator<T: Scalar>(&self) -> Result<Evaluator<'n, T>, Error> {
        let convert = |values: &[f32]| values.iter().map(|&x| T::of(f64::from(x))).collect();
        let mut penalty = Penalty::new(self.penalty)?;
        if let Some(centre) = &self.centre {
            penalty = penalty.around(convert(centre));
        }
        Ok(Evaluator::new(self.network, Loss::SoftmaxCrossEntropy)
            .with_penalty(penalty)?
            .with_statistics(convert(&self.statistics))?
            .with_execution(Arc::clone(&self.execution)))
    }
}

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
        Self::of(model.clone(), dataset, selection.positions().to_vec())
    }

    fn of(
        model: NetworkModel<'n>,
        dataset: &'d Dataset,
        positions: Vec<usize>,
    ) -> Result<Self, Error> {
        let (evaluator, exact) = (model.evaluator()?, model.evaluator()?);
        Ok(NetworkObjective {
            model,
            evaluator,
            exact,
            dataset,
            positions,
            gathered: OnceLock::new(),
        })
    }

    fn batch(&self) -> Batch<'_, f32> {
        if self.positions.len() == self.dataset.len() {
            return Batch::classes(self.dataset.inputs(), self.dataset.labels());
        }
        let (inputs, labels) = self.gathered.get_or_init(|| {
            let (mut inputs, mut labels) = (Vec::new(), Vec::new());
            inputs.reserve_exact(self.positions.len() * self.dataset.input_len());
            gather(self.dataset, &self.positions, &mut inputs, &mut labels);
            (inputs, labels)
        });
        Batch::classes(inputs, labels)
    }

    /// Positions in the dataset of the records drawn by `generator`.
    fn draw(&self, records: usize, generator: &mut ChaCha8Rng) -> Vec<usize> {
        let all = self.positions.len();
        let drawn = index::sample(generator, all, records.min(all));
        drawn
            .into_iter()
            .map(|index| self.positions[index])
            .collect()
    }

    /// The objective over some of its records, drawn by `seed`.
    pub(super) fn drawn(&self, records: usize, seed: u64) -> Result<Self, Error> {
        if records == 0 {
            return Err(Error::NoRecords);
        }
        let mut drawn = epoch_order(&Selection::all(self.records()), seed, 0);
        drawn.truncate(records);
        drawn.sort_unstable();
        let drawn = drawn.into_iter().map(|index| self.positions[index]);
        Self::of(self.model.clone(), self.dataset, drawn.collect())
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

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        mean_over_blocks(self.dataset, &self.positions, gradient, |batch, out| {
            Ok(self.exact.gradient(w, batch, out)?)
        })
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
    ) -> Result<Box<dyn LinearOperator<f32> + 'a>, Error> {
        Ok(Box::new(self.linearized(w, which)?))
    }

    fn sampled_curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
        minibatch: Minibatch,
    ) -> Result<Box<dyn SampledOperator<f32> + 'a>, Error> {
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
        mean_over_blocks(self.dataset, &self.positions, out, |batch, out| {
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
        let value = mean_over_blocks(self.dataset, &self.positions, &mut both, |batch, both| {
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
        Ok(Box::new(self.drawn(records, seed)?))
    }
}

/// Refuses records that the network cannot take, and none at all.
pub(super) fn check_fit(
    network: &Network,
    dataset: &Dataset,
    selection: &Selection,
) -> Result<(), Error> {
    if dataset.input_len() != network.input_shape().len()
        || dataset.class_names().len() > network.outputs()
    {
        return Err(Error::ModelDoesNotFit {
            input: network.input_shape().dims(),
            outputs: network.outputs(),
            records: dataset.input_shape().to_vec(),
            classes: dataset.class_names().len(),
        });
    }
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

impl LinearOperator<f32> for Full<'_> {
    fn dim(&self) -> usize {
        self.at.dim()
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        if product(&self.at, self.which, v, out).is_err() {
            out.fill(f32::NAN);
        }
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

impl LinearOperator<f32> for Sampled<'_> {
    fn dim(&self) -> usize {
        self.full.dim()
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        self.full.apply(v, out);
    }
}

impl SampledOperator<f32> for Sampled<'_> {
    fn apply_sample(&self, chain: u64, step: u64, v: &[f32], out: &mut [f32]) {
        let mut key = [0; 32];
        for (bytes, part) in key
            .chunks_exact_mut(8)
            .zip([self.minibatch.seed, chain, step])
        {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        let drawn = self.objective.draw(self.minibatch.records, &mut rng);

        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let (inputs, labels) = &mut *buffers;
        inputs.clear();
        labels.clear();
        gather(self.objective.dataset, &drawn, inputs, labels);
        let at = self
            .objective
            .evaluator
            .linearize(self.w, Batch::classes(inputs, labels));
        let done = at
            .map_err(Error::from)
            .and_then(|at| product(&at, self.full.which, v, out));
        if done.is_err() {
            out.fill(f32::NAN);
        }
    }
}
