//! A classifier without its weights.

use crate::error::Error;
use rescind_network::{Evaluator, Execution, Loss, Network, Penalty, Scalar, Tangent};
use std::sync::Arc;

/// A classifier without its weights: network, penalty, centre, and the frozen statistics of its
/// batch norms.
#[derive(Clone, Debug)]
pub struct NetworkModel<'n> {
    /// The network.
    pub network: &'n Network,
    /// The loss of its outputs.
    pub loss: Loss,
    /// Strength μ of the penalty `(μ/2)‖w − c‖²`.
    pub penalty: f64,
    /// The centre c; zero if absent.
    pub centre: Option<Arc<[f32]>>,
    /// Batch-norm statistics; empty without batch norm.
    pub statistics: Vec<f32>,
    /// Whether the outputs are those of the network linearised at the centre,
    /// `J_f(x; c)(w − c)`, rather than its own (docs/theory.md §3).
    pub linearised: bool,
    /// Threads and memory.
    pub execution: Arc<Execution>,
}

impl<'n> NetworkModel<'n> {
    /// Without penalty, around zero, with initial statistics, on all processors.
    pub fn new(network: &'n Network) -> Self {
        NetworkModel {
            network,
            loss: Loss::default(),
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
    pub fn origin(&self) -> Arc<[f32]> {
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
        Ok(Evaluator::new(self.network, self.loss)
            .with_penalty(penalty)?
            .with_statistics(convert(&self.statistics))?
            .with_execution(Arc::clone(&self.execution)))
    }
}
