//! The objective of a network linearised at the ball's centre (docs/theory.md §3).

use super::choice::Parameterisation;
use super::linear_place::linear_place;
use super::model::NetworkModel;
use super::network::check_fit;
use super::rows::{TangentRows, count};
use crate::error::Error;
use crate::objective::{Curvature, Minibatch, Objective};
use crate::outputs::{LinearOutputs, Losses, OutputLoss, OutputTargets, sample};
use crate::products::Products;
use crate::sampling::uniform_sample;
use rayon::prelude::*;
use rescind_curvature::{Preconditioner, RowPreconditioner};
use rescind_data::{Dataset, Selection};
use rescind_network::{Loss, Scalar, Tangent};
use std::sync::Arc;

/// Damping of a preconditioner made of rows, for each unit of the penalty: it stands for what no row
/// of the sample saw, and hides noise where the curvature is small. MNIST through 512 units: 4 to 8.
const DAMPING: f64 = 5.0;

/// [`Objective`] of the tangent model `z(x) = J_f(x; c)(w − c)` over selected records: its loss and
/// `(μ/2)‖w − c‖²`, strongly convex in all weights where μ > 0.
///
/// Its Hessian is its Gauss–Newton matrix. Holds a copy of the selected inputs and, within the
/// memory budget, the network's activations at c.
pub struct TangentObjective<'n> {
    model: NetworkModel<'n>,
    centre: Arc<[f32]>,
    inputs: Arc<[f32]>,
    labels: Arc<[u32]>,
    tangent: Tangent<'n, f32>,
    exact: Tangent<'n, f64>,
}

impl<'n> TangentObjective<'n> {
    /// `F_S` of `model`, linearised at its centre, over the records `selection` of `dataset`.
    ///
    /// # Errors
    /// As [`NetworkObjective::new`](super::NetworkObjective::new).
    pub fn new(
        model: &NetworkModel<'n>,
        dataset: &Dataset,
        selection: &Selection,
    ) -> Result<Self, Error> {
        check_fit(model.network, dataset, selection)?;
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        inputs.reserve_exact(selection.len() * dataset.input_len());
        dataset.copy_batch(selection.positions(), &mut inputs, &mut labels)?;
        Self::of(model.clone(), inputs.into(), labels.into())
    }

    fn of(model: NetworkModel<'n>, inputs: Arc<[f32]>, labels: Arc<[u32]>) -> Result<Self, Error> {
        // The penalty is checked where evaluators are made.
        model.evaluator::<f32>()?;
        let centre = model.origin();
        let wide: Vec<f64> = centre.iter().map(|&c| f64::from(c)).collect();
        let execution = || Arc::clone(&model.execution);
        let (network, records) = (model.network, || Arc::clone(&inputs));
        Ok(TangentObjective {
            tangent: Tangent::new(network, &centre, records(), execution(), true)?,
            // Used a few times, at twice the width: not worth the memory.
            exact: Tangent::new(network, &wide, records(), execution(), false)?,
            model,
            centre,
            inputs,
            labels,
        })
    }

    /// `w − c`.
    fn offset(&self, w: &[f32]) -> Vec<f32> {
        w.iter().zip(&*self.centre).map(|(w, c)| w - c).collect()
    }

    fn exact_offset(&self, w: &[f64]) -> Vec<f64> {
        let pairs = w.iter().zip(&*self.centre);
        pairs.map(|(w, &c)| w - f64::from(c)).collect()
    }

    /// The inputs of the records at these positions among its own.
    fn inputs_at(&self, positions: impl ExactSizeIterator<Item = usize>) -> Arc<[f32]> {
        let len = self.model.network.input_shape().len();
        let mut inputs = Vec::with_capacity(positions.len() * len);
        for position in positions {
            inputs.extend_from_slice(&self.inputs[position * len..][..len]);
        }
        inputs.into()
    }

    /// The objective over the records at these positions among its own.
    fn at(&self, positions: &[usize]) -> Result<Self, Error> {
        let inputs = self.inputs_at(positions.iter().copied());
        let labels = positions.iter().map(|&at| self.labels[at]).collect();
        Self::of(self.model.clone(), inputs, labels)
    }

    /// The objective over `records` of its records, drawn without replacement; over all of them if
    /// there are no more.
    pub(crate) fn drawn(&self, records: usize, seed: u64) -> Result<Self, Error> {
        self.at(&uniform_sample(self.records(), records, seed)?)
    }

    /// `1 + ‖x_i‖²`, to which the squared lengths of J_i's rows are about in proportion.
    fn sizes(&self) -> Vec<f64> {
        let records = self
            .inputs
            .par_chunks(self.model.network.input_shape().len());
        let size = |x: &[f32]| 1.0 + x.iter().map(|x| x * x).sum::<f32>();
        records.map(|x| f64::from(size(x))).collect()
    }

    /// How many rows a preconditioner is made of; 0 where there is none.
    fn preconditioner_rows(&self) -> usize {
        let network = self.model.network;
        let each = 4 * network.flops_per_record() - 2 * network.input_flops_per_record();
        let product = each as f64 * self.records() as f64;
        let budget = self.model.execution.memory_budget();
        count(product, self.tangent.gram_cost(), budget)
    }
}

impl Objective for TangentObjective<'_> {
    fn dim(&self) -> usize {
        self.centre.len()
    }

    fn records(&self) -> usize {
        self.labels.len()
    }

    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        let (v, penalty) = (self.offset(w), self.model.penalty);
        let loss = self
            .tangent
            .gradient(self.model.loss, &v, &self.labels, gradient)?;
        let mut squares = 0.0;
        for (g, &v) in gradient.iter_mut().zip(&v) {
            *g += (penalty * f64::from(v)) as f32;
            squares += f64::from(v).powi(2);
        }
        Ok(loss + 0.5 * penalty * squares)
    }

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let (v, penalty) = (self.exact_offset(w), self.model.penalty);
        let loss = self
            .exact
            .gradient(self.model.loss, &v, &self.labels, gradient)?;
        let mut squares = 0.0;
        for (g, &v) in gradient.iter_mut().zip(&v) {
            *g += penalty * v;
            squares += v * v;
        }
        Ok(loss + 0.5 * penalty * squares)
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        _: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        Ok(Box::new(Full {
            probabilities: probabilities(self.model.loss, &self.tangent, || self.offset(w))?,
            penalty: self.model.penalty,
            tangent: &self.tangent,
        }))
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
        Ok(Box::new(Sampled {
            full: self.curvature(w, which)?,
            objective: self,
            w,
            minibatch,
        }))
    }

    fn exact_product(
        &self,
        w: &[f64],
        _: Curvature,
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        let at = || self.exact_offset(w);
        let probabilities = probabilities(self.model.loss, &self.exact, at)?;
        self.exact
            .hessian_product(probabilities.as_deref(), v, out)?;
        for (out, v) in out.iter_mut().zip(v) {
            *out += self.model.penalty * v;
        }
        Ok(())
    }

    fn subset(&self, records: usize, seed: u64) -> Result<Box<dyn Objective + '_>, Error> {
        Ok(Box::new(self.drawn(records, seed)?))
    }
}

impl LinearOutputs for TangentObjective<'_> {
    fn additions(&self) -> usize {
        // And those of the longest of a record's own sums.
        let layers = self.model.network.parameters().iter();
        let longest = layers.map(|tensor| tensor.fan_in).max();
        self.exact.additions() + longest.unwrap_or(0)
    }

    fn alike(&self) -> usize {
        match linear_place(self.model.network, Parameterisation::Tangent) {
            Some(_) => self.losses().outputs,
            None => 1,
        }
    }

    fn origin(&self) -> &[f32] {
        &self.centre
    }

    fn penalty(&self) -> f64 {
        self.model.penalty
    }

    fn losses(&self) -> Losses<'_> {
        Losses {
            loss: OutputLoss::from(self.model.loss),
            targets: OutputTargets::Classes(&self.labels),
            outputs: self.model.network.outputs(),
        }
    }

    fn forward(&self, v: &[f32]) -> Result<Vec<f32>, Error> {
        Ok(self.tangent.logits(v)?)
    }

    fn transposed(&self, u: &[f32], out: &mut [f32]) -> Result<(), Error> {
        Ok(self.tangent.vjp(u, out)?)
    }

    fn preconditioner<'a>(
        &'a self,
        means: &[f32],
        seed: u64,
    ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error> {
        let network = self.model.network;
        let count = self.preconditioner_rows();
        let sampled = sample(&self.losses(), means, &self.sizes(), count, seed);
        if sampled.is_empty() {
            return Ok(None);
        }
        let inputs = self.inputs_at(sampled.iter().map(|row| row.record));
        let execution = Arc::clone(&self.model.execution);
        let tangent = Tangent::new(network, &self.centre, inputs, execution, true)?;
        let rows = TangentRows::new(tangent, network.outputs(), &sampled);
        let gram = rows.gram()?;
        let damping = DAMPING * self.model.penalty;
        let made = RowPreconditioner::new(rows, gram, damping)?;
        Ok(Some(Box::new(made)))
    }
}

/// What the curvature at some offset depends on: nothing, where the loss is quadratic.
fn probabilities<T: Scalar>(
    loss: Loss,
    tangent: &Tangent<'_, T>,
    at: impl FnOnce() -> Vec<T>,
) -> Result<Option<Vec<T>>, Error> {
    Ok(match loss {
        Loss::SoftmaxCrossEntropy => Some(tangent.probabilities(&at())?),
        Loss::SquaredError => None,
    })
}

/// The curvature over all records.
struct Full<'a, 'n> {
    tangent: &'a Tangent<'n, f32>,
    probabilities: Option<Vec<f32>>,
    penalty: f64,
}

impl Products for Full<'_, '_> {
    fn dim(&self) -> usize {
        self.tangent.dim()
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        self.tangent
            .hessian_product(self.probabilities.as_deref(), v, out)?;
        let penalty = self.penalty as f32;
        for (out, v) in out.iter_mut().zip(v) {
            *out += penalty * v;
        }
        Ok(())
    }
}

/// The curvature over all records or over minibatches.
struct Sampled<'a, 'n> {
    full: Box<dyn Products + 'a>,
    objective: &'a TangentObjective<'n>,
    w: &'a [f32],
    minibatch: Minibatch,
}

impl Products for Sampled<'_, '_> {
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
        let batch = self.objective.at(&drawn)?;
        batch
            .curvature(self.w, Curvature::GaussNewton)?
            .product(v, out)
    }
}
