//! What flows between the nodes of the graph.

use super::constant::Constant;
use std::rc::Rc;

/// What a node gives.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// What a layer of the network gives, or the record.
    Flow(Flow),
    /// What is known.
    Constant(Rc<Constant>),
    /// Lengths that are computed from the shape of a flow.
    Lengths(Vec<Length>),
    /// Part of a layer that is written as several nodes.
    Part(Part),
    /// Something that was refused, or follows from it.
    Refused,
}

/// What a layer gives for one record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flow {
    /// The layer's name, or `input`.
    pub node: String,
    /// `[features]` or `[channels, height, width]`.
    pub dims: Vec<usize>,
    /// In the file these features are a picture of one pixel.
    pub pixel: bool,
}

impl Flow {
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The shape for one record as the file has it.
    pub fn written(&self) -> Vec<usize> {
        match self.pixel {
            true => vec![self.len(), 1, 1],
            false => self.dims.clone(),
        }
    }
}

/// A length in a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Length {
    /// However many records there are.
    Records,
    Known(i64),
}

/// A part of a layer, from which the next nodes make the whole.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// `by · of`.
    Scaled { of: Flow, by: f64 },
    /// `1 / (1 + e^{-of})`.
    Sigmoid { of: Flow },
    /// `erf(of / √2)`.
    Erf { of: Flow },
    /// `by · (1 + erf(of / √2))`.
    Normal { of: Flow, by: f64 },
    /// `by · of · (1 + erf(of / √2))`.
    Gelu { of: Flow, by: f64 },
    /// Whether `of` is above a number.
    Above { of: Flow, at: f64 },
    /// The mean over features.
    Mean { of: Flow },
    /// `of` without its mean.
    Centred { of: Flow },
    /// The square of that.
    Squared { of: Flow },
    /// The mean of that square, and a number added to it.
    Variance { of: Flow, plus: f64 },
    /// The root of that.
    Deviation { of: Flow, epsilon: f64 },
    /// Channels in so many groups, `[groups, all of a group]`.
    Grouped { of: Flow, groups: usize },
    /// The same, each group with mean 0 and deviation 1.
    GroupNormed {
        of: Flow,
        groups: usize,
        epsilon: f64,
    },
    /// The same in the shape of `of`; weight and bias may follow.
    Norm(Norm),
}

/// A group norm to be.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub of: Flow,
    pub groups: usize,
    pub epsilon: f64,
    pub weight: Option<Vec<f32>>,
    /// The node that gave it.
    pub name: String,
}
