//! The objective of a network's last linear layer, all other weights frozen (THEORY §3).

use super::network::check_fit;
use super::{Curvature, Minibatch, NetworkModel, NetworkObjective, Objective};
use crate::Error;
use rescind_curvature::{LinearOperator, SampledOperator};
use rescind_data::{Dataset, Selection};
use rescind_network::{
    Evaluator, Layer, Loss, Network, NetworkDescription, NodeDescription, Shape,
};
use std::ops::Range;
use std::sync::Arc;

/// Records whose features are computed at a time.
const GROUP: usize = 4096;

/// The records as a frozen backbone shows them to the last layer: computed once, for all
/// objectives to come.
#[derive(Clone)]
pub struct Features {
    layer: Network,
    dataset: Dataset,
    place: Range<usize>,
    frozen: Arc<[f32]>,
}

impl Features {
    /// What the last layer of `model`'s network, a linear one, sees of `dataset` where all weights
    /// before it are those of the model's centre.
    ///
    /// # Errors
    /// [`Error::NotProvable`] where the last layer is not linear; records that do not fit.
    pub fn new(model: &NetworkModel<'_>, dataset: &Dataset) -> Result<Self, Error> {
        let network = model.network;
        check_fit(network, dataset, &Selection::all(dataset.len()))?;
        let description = network.description();
        let output = &description.output;
        let last = description.nodes.iter().find(|node| node.name == *output);
        let last = last.filter(|node| matches!(node.layer, Layer::Linear { .. }));
        let (Some(last), Some(place)) = (last, head_place(network)) else {
            let reason = format!(
                "the network ends in {output:?}, which is not a linear layer, so that there is no \
                 convex head to train: use a network whose last layer is linear"
            );
            return Err(Error::NotProvable { reason });
        };
        let frozen = model.origin();
        let inputs = features(model, last, &frozen, dataset)?;
        let width = inputs.len() / dataset.len().max(1);
        let layer = Network::new(NetworkDescription {
            input: Shape::Features(width),
            nodes: vec![NodeDescription {
                inputs: vec!["input".to_owned()],
                ..last.clone()
            }],
            output: output.clone(),
        })?;
        let (names, labels) = (dataset.class_names().to_vec(), dataset.labels().to_vec());
        let dataset = Dataset::new(dataset.name(), vec![width], names, inputs, labels)?;
        Ok(Features {
            layer,
            dataset,
            place,
            frozen,
        })
    }
}

/// Where the last layer's parameters are, if it has any.
pub(crate) fn head_place(network: &Network) -> Option<Range<usize>> {
    let prefix = format!("{}.", network.description().output);
    let mut own = network
        .parameters()
        .iter()
        .filter(|tensor| tensor.name.starts_with(&prefix))
        .map(|tensor| tensor.range.clone());
    let first = own.next()?;
    Some(own.fold(first, |all, next| {
        all.start.min(next.start)..all.end.max(next.end)
    }))
}

/// The last layer's inputs for every record.
fn features(
    model: &NetworkModel<'_>,
    last: &NodeDescription,
    weights: &[f32],
    dataset: &Dataset,
) -> Result<Vec<f32>, Error> {
    let (network, from) = (model.network, &last.inputs[0]);
    if from == "input" {
        return Ok(dataset.inputs().to_vec());
    }
    let description = network.description();
    let nodes = description
        .nodes
        .iter()
        .filter(|node| node.name != last.name);
    let backbone = Network::new(NetworkDescription {
        input: description.input,
        nodes: nodes.cloned().collect(),
        output: from.clone(),
    })?;
    let mut own: Vec<f32> = backbone.initialise(0);
    for tensor in backbone.parameters() {
        let there = network.parameters().iter().find(|t| t.name == tensor.name);
        if let Some(there) = there {
            own[tensor.range.clone()].copy_from_slice(&weights[there.range.clone()]);
        }
    }
    let evaluator = Evaluator::<f32>::new(&backbone, Loss::SoftmaxCrossEntropy)
        .with_execution(Arc::clone(&model.execution));
    let mut all = Vec::with_capacity(dataset.len() * backbone.outputs());
    for group in dataset.inputs().chunks(GROUP * dataset.input_len()) {
        all.extend(evaluator.logits(&own, group)?);
    }
    Ok(all)
}

/// [`Objective`] of a network of which the last layer alone moves: softmax regression on frozen
/// features, with the penalty `(μ/2)‖w − c‖²` on all weights. Vectors have the length of the whole
/// network's; at weights that differ from the centre elsewhere than in the last layer, the outputs
/// are still those of the centre's features.
pub struct HeadObjective<'f> {
    features: &'f Features,
    inner: NetworkObjective<'f, 'f>,
    penalty: f64,
}

impl<'f> HeadObjective<'f> {
    /// `F_S` over the records `selection`, with the penalty of strength μ around the centre that
    /// the features were computed at.
    ///
    /// # Errors
    /// As [`NetworkObjective::new`].
    pub fn new(
        features: &'f Features,
        model: &NetworkModel<'_>,
        selection: &Selection,
    ) -> Result<Self, Error> {
        let inner = NetworkModel {
            execution: Arc::clone(&model.execution),
            ..NetworkModel::new(&features.layer)
        };
        Ok(HeadObjective {
            features,
            inner: NetworkObjective::new(&inner, &features.dataset, selection)?,
            penalty: model.penalty,
        })
    }

    /// Adds `μ(w − c)` and returns `(μ/2)‖w − c‖²`.
    fn penalise<T: rescind_network::Scalar>(&self, w: &[T], gradient: &mut [T]) -> f64 {
        let mut squares = 0.0;
        let pairs = w.iter().zip(&*self.features.frozen);
        for (g, (w, &c)) in gradient.iter_mut().zip(pairs) {
            let offset = w.as_f64() - f64::from(c);
            *g += T::of(self.penalty * offset);
            squares += offset * offset;
        }
        0.5 * self.penalty * squares
    }
}

impl Objective for HeadObjective<'_> {
    fn dim(&self) -> usize {
        self.features.frozen.len()
    }

    fn records(&self) -> usize {
        self.inner.records()
    }

    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        let place = self.features.place.clone();
        gradient.fill(0.0);
        let loss = self
            .inner
            .gradient(&w[place.clone()], &mut gradient[place])?;
        Ok(loss + self.penalise(w, gradient))
    }

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let place = self.features.place.clone();
        gradient.fill(0.0);
        let loss = self
            .inner
            .exact_gradient(&w[place.clone()], &mut gradient[place])?;
        Ok(loss + self.penalise(w, gradient))
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
    ) -> Result<Box<dyn LinearOperator<f32> + 'a>, Error> {
        let place = self.features.place.clone();
        Ok(Box::new(Embedded {
            inner: self.inner.curvature(&w[place.clone()], which)?,
            place,
            dim: w.len(),
            penalty: self.penalty as f32,
        }))
    }

    fn sampled_curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
        minibatch: Minibatch,
    ) -> Result<Box<dyn SampledOperator<f32> + 'a>, Error> {
        let place = self.features.place.clone();
        Ok(Box::new(Embedded {
            inner: self
                .inner
                .sampled_curvature(&w[place.clone()], which, minibatch)?,
            place,
            dim: w.len(),
            penalty: self.penalty as f32,
        }))
    }

    fn exact_product(
        &self,
        w: &[f64],
        which: Curvature,
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        let place = self.features.place.clone();
        out.fill(0.0);
        let (w, own, part) = (&w[place.clone()], &v[place.clone()], &mut out[place]);
        self.inner.exact_product(w, which, own, part)?;
        for (out, v) in out.iter_mut().zip(v) {
            *out += self.penalty * v;
        }
        Ok(())
    }

    fn subset(&self, records: usize, seed: u64) -> Result<Box<dyn Objective + '_>, Error> {
        Ok(Box::new(HeadObjective {
            features: self.features,
            inner: self.inner.drawn(records, seed)?,
            penalty: self.penalty,
        }))
    }
}

/// The last layer's curvature among all weights, with the penalty's.
struct Embedded<O> {
    inner: O,
    place: Range<usize>,
    dim: usize,
    penalty: f32,
}

impl<O> Embedded<O> {
    fn embed(&self, v: &[f32], out: &mut [f32], product: impl FnOnce(&[f32], &mut [f32])) {
        out.fill(0.0);
        product(&v[self.place.clone()], &mut out[self.place.clone()]);
        for (out, v) in out.iter_mut().zip(v) {
            *out += self.penalty * v;
        }
    }
}

impl<O: LinearOperator<f32>> LinearOperator<f32> for Embedded<O> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        self.embed(v, out, |v, out| self.inner.apply(v, out));
    }
}

impl<O: SampledOperator<f32>> SampledOperator<f32> for Embedded<O> {
    fn apply_sample(&self, chain: u64, step: u64, v: &[f32], out: &mut [f32]) {
        self.embed(v, out, |v, out| {
            self.inner.apply_sample(chain, step, v, out)
        });
    }
}
