//! The objective of a network's last linear layer, all other weights frozen (docs/theory.md §3).

use super::linear_place::linear_head;
use super::model::NetworkModel;
use super::network::check_shapes;
use super::tangent::TangentObjective;
use crate::error::Error;
use crate::objective::{Curvature, Minibatch, Objective};
use crate::outputs::{LinearOutputs, Losses};
use crate::products::Products;
use rescind_curvature::Preconditioner;
use rescind_data::{Dataset, Selection};
use rescind_network::{
    Evaluator, Loss, Network, NetworkDescription, NetworkError, NodeDescription, Scalar, Shape,
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
        check_shapes(network, dataset.input_shape(), dataset.class_names().len())?;
        let (last, place) = linear_head(network)?;
        let frozen = model.origin();
        let inputs = features(model, last, &frozen, dataset)?;
        let width = inputs.len() / dataset.len().max(1);
        let layer = Network::new(NetworkDescription {
            input: Shape::Features(width),
            nodes: vec![NodeDescription {
                inputs: vec!["input".to_owned()],
                ..last.clone()
            }],
            output: network.description().output.clone(),
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

    /// The records as the last layer sees them.
    pub(super) fn into_dataset(self) -> Dataset {
        self.dataset
    }

    /// The same.
    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }
}

/// The last layer's inputs for every record: each record's have the same bits whatever records are
/// there beside it, as features that depended on others would make the objective another function
/// once these have left (docs/theory.md §3.3).
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
        all.extend(evaluator.logits_alone(&own, group)?);
    }
    Ok(all)
}

/// [`Objective`] of a network of which the last layer alone moves: regression on frozen features,
/// with the penalty `(μ/2)‖w − c‖²` on all weights. Vectors have the length of the whole
/// network's; at weights that differ from the centre elsewhere than in the last layer, the outputs
/// are still those of the centre's features.
pub struct HeadObjective<'f> {
    features: &'f Features,
    /// The layer on its features, as a tangent model: it is linear in its weights already.
    inner: TangentObjective<'f>,
    penalty: f64,
}

impl<'f> HeadObjective<'f> {
    /// `F_S` over the records `selection`, with the penalty of strength μ around the centre that
    /// the features were computed at.
    ///
    /// # Errors
    /// As [`TangentObjective::new`]; [`Error::NotProvable`] where the last layer's weights are not
    /// zero at the centre.
    pub fn new(
        features: &'f Features,
        model: &NetworkModel<'_>,
        selection: &Selection,
    ) -> Result<Self, Error> {
        let centre = &features.frozen[features.place.clone()];
        if centre.iter().any(|c| c.abs() > 0.0) {
            let reason = "the last layer's weights at the centre are not zero, so that the loss \
                          there depends on the records: set them to zero";
            let reason = reason.to_owned();
            return Err(Error::NotProvable { reason });
        }
        let inner = NetworkModel {
            execution: Arc::clone(&model.execution),
            loss: model.loss,
            penalty: model.penalty,
            linearised: true,
            centre: Some(centre.into()),
            ..NetworkModel::new(&features.layer)
        };
        Ok(HeadObjective {
            features,
            inner: TangentObjective::new(&inner, &features.dataset, selection)?,
            penalty: model.penalty,
        })
    }

    /// The last layer's part of a vector of the whole network, which is refused if it is none.
    fn own<'v, T>(&self, v: &'v [T]) -> Result<&'v [T], Error> {
        let (found, expected) = (v.len(), self.dim());
        match found == expected {
            true => Ok(&v[self.features.place.clone()]),
            false => Err(NetworkError::WrongLength {
                what: "weight vector",
                found,
                expected,
            }
            .into()),
        }
    }

    /// Writes `μ(w − c)` for the frozen weights and returns their `(μ/2)‖w − c‖²`.
    fn penalise<T: Scalar>(&self, w: &[T], gradient: &mut [T]) -> f64 {
        let mut squares = 0.0;
        for place in others(&self.features.place, w.len()) {
            let pairs = w[place.clone()]
                .iter()
                .zip(&self.features.frozen[place.clone()]);
            for (g, (w, &c)) in gradient[place].iter_mut().zip(pairs) {
                let offset = w.as_f64() - f64::from(c);
                *g = T::of(self.penalty * offset);
                squares += offset * offset;
            }
        }
        0.5 * self.penalty * squares
    }

    /// Makes a map of the last layer's weights one of all: the others are scaled.
    fn embedded<O>(&self, inner: O, scale: f64) -> Embedded<O> {
        Embedded {
            inner,
            place: self.features.place.clone(),
            dim: self.dim(),
            scale: scale as f32,
        }
    }
}

/// What is before and after `place` in a vector of `len` elements.
fn others(place: &Range<usize>, len: usize) -> [Range<usize>; 2] {
    [0..place.start, place.end..len]
}

impl Objective for HeadObjective<'_> {
    fn dim(&self) -> usize {
        self.features.frozen.len()
    }

    fn records(&self) -> usize {
        self.inner.records()
    }

    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        let (own, place) = (self.own(w)?, self.features.place.clone());
        self.own(gradient)?;
        let loss = self.inner.gradient(own, &mut gradient[place])?;
        Ok(loss + self.penalise(w, gradient))
    }

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let (own, place) = (self.own(w)?, self.features.place.clone());
        self.own(gradient)?;
        let loss = self.inner.exact_gradient(own, &mut gradient[place])?;
        Ok(loss + self.penalise(w, gradient))
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        let inner = self.inner.curvature(self.own(w)?, which)?;
        Ok(Box::new(self.embedded(inner, self.penalty)))
    }

    fn sampled_curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
        minibatch: Minibatch,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        let own = self.own(w)?;
        let inner = self.inner.sampled_curvature(own, which, minibatch)?;
        Ok(Box::new(self.embedded(inner, self.penalty)))
    }

    fn exact_product(
        &self,
        w: &[f64],
        which: Curvature,
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        let (own, along) = (self.own(w)?, self.own(v)?);
        self.own(out)?;
        let place = self.features.place.clone();
        self.inner
            .exact_product(own, which, along, &mut out[place.clone()])?;
        for place in others(&place, v.len()) {
            let pairs = out[place.clone()].iter_mut().zip(&v[place]);
            pairs.for_each(|(out, v)| *out = self.penalty * v);
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

impl LinearOutputs for HeadObjective<'_> {
    fn additions(&self) -> usize {
        self.inner.additions()
    }

    fn alike(&self) -> usize {
        self.inner.alike()
    }

    fn origin(&self) -> &[f32] {
        &self.features.frozen
    }

    fn penalty(&self) -> f64 {
        self.penalty
    }

    fn losses(&self) -> Losses<'_> {
        self.inner.losses()
    }

    fn forward(&self, v: &[f32]) -> Result<Vec<f32>, Error> {
        self.inner.forward(self.own(v)?)
    }

    fn transposed(&self, u: &[f32], out: &mut [f32]) -> Result<(), Error> {
        self.own(out)?;
        out.fill(0.0);
        self.inner
            .transposed(u, &mut out[self.features.place.clone()])
    }

    fn preconditioner<'a>(
        &'a self,
        means: &[f32],
        seed: u64,
    ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error> {
        let inner = self.inner.preconditioner(means, seed)?;
        Ok(inner.map(|inner| Box::new(self.embedded(inner, 1.0 / self.penalty)) as _))
    }
}

/// A map of the last layer's weights among all weights, and a multiple of the identity on the
/// others.
struct Embedded<O> {
    inner: O,
    place: Range<usize>,
    dim: usize,
    scale: f32,
}

impl<O> Embedded<O> {
    fn embed<E>(
        &self,
        v: &[f32],
        out: &mut [f32],
        map: impl FnOnce(&[f32], &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        map(&v[self.place.clone()], &mut out[self.place.clone()])?;
        for place in others(&self.place, v.len()) {
            let pairs = out[place.clone()].iter_mut().zip(&v[place]);
            pairs.for_each(|(out, v)| *out = self.scale * v);
        }
        Ok(())
    }
}

impl Products for Embedded<Box<dyn Products + '_>> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        self.embed(v, out, |v, out| self.inner.product(v, out))
    }

    fn sampled_product(
        &self,
        chain: u64,
        step: u64,
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        self.embed(v, out, |v, out| {
            self.inner.sampled_product(chain, step, v, out)
        })
    }
}

impl Preconditioner<f32> for Embedded<Box<dyn Preconditioner<f32> + '_>> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, r: &[f32], out: &mut [f32]) {
        let done: Result<(), std::convert::Infallible> = self.embed(r, out, |r, out| {
            self.inner.apply(r, out);
            Ok(())
        });
        let Ok(()) = done;
    }
}
