//! What a run and its methods need of a model: a small core, and capabilities.

use crate::description::ModelDescription;
use crate::error::{Error, Failure};
use crate::evaluation::Measured;
use crate::features::FixedFeatures;
use crate::linearisation::Linearisation;
use crate::objective::{Curvature, Objective};
use crate::observer::Observer;
use crate::outputs::ConvexObjective;
use crate::penalty::L2Penalty;
use rescind_data::{Digest, Selection, Standardisation};
use std::any::Any;

/// A model over the records it was trained on.
///
/// Records are known by their positions, from 0. Vectors have [`ModelDescription::parameters`]
/// elements. The same call gives the same bits whenever it is made, whatever was asked between: no
/// dropout, no augmentation, no state that a pass changes.
///
/// The first four methods are required. The others say what more the model can do; a method that
/// needs what a model does not offer is refused with the methods that would do. A failure reaches
/// whoever asked for the work as it was raised: [`Error::Model`].
pub trait Model: Any + Send + Sync {
    /// What it is.
    fn description(&self) -> &ModelDescription;

    /// How many records there are, forgotten ones included.
    fn records(&self) -> usize;

    /// The identity of a record: a hash of its content, or of an identifier that never changes.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn identity(&self, position: usize) -> Result<Digest, Failure>;

    /// Reads what it needs of its records, so that work on any of the `required` ones can begin.
    /// Whoever does not call this gets it done by the first pass.
    ///
    /// # Errors
    /// Records that can no longer be read.
    fn prepare(&self, _required: &Selection, _observer: &mut dyn Observer) -> Result<(), Error> {
        Ok(())
    }

    /// Floating-point operations of one record's outputs, if it can tell.
    fn flops_per_record(&self) -> Option<u64> {
        None
    }

    /// Whether its records have been read, so that to look at them costs no more than that.
    fn has_read(&self) -> bool {
        true
    }

    /// Writes the gradient of the mean loss over the records at these positions (at least one,
    /// ascending or not), without any penalty, and returns that loss.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure>;

    /// Products with the curvature of the mean loss, if it has them.
    fn curvature(&self) -> Option<&dyn CurvatureProducts> {
        None
    }

    /// The same in binary64, if it has that: what bounds that rest on measurements are computed in.
    fn double_precision(&self) -> Option<&dyn DoublePrecision> {
        None
    }

    /// Statistics of the records that are no parameters, such as batch norm's.
    fn batch_norm(&self) -> Option<&dyn BatchNorm> {
        None
    }

    /// Objectives of its own, which share work between passes.
    fn own_objectives(&self) -> Option<&dyn OwnObjectives> {
        None
    }

    /// Its outputs as a linear function of the weights, for a model from outside that has such.
    fn linearisation(&self) -> Option<&dyn Linearisation> {
        None
    }

    /// Its outputs as a linear function of features that no weight changes, where they are.
    fn fixed_features(&self) -> Option<&dyn FixedFeatures> {
        None
    }

    /// Whether the loss is convex in the weights, because the outputs are linear in them.
    fn is_convex(&self) -> bool {
        self.linearisation().is_some()
    }

    /// Loss and accuracy with these weights and statistics, for people to look at. Absent where
    /// the model cannot tell.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn measure(
        &self,
        _w: &[f32],
        _statistics: &[f32],
        _on: EvaluationSet<'_>,
        _observer: &mut dyn Observer,
    ) -> Result<Option<Measured>, Failure> {
        Ok(None)
    }

    /// The scaling of its inputs, where there is any.
    fn scaling(&self) -> Option<&Standardisation> {
        None
    }

    /// The same model with its inputs scaled for this retain set, where their scaling follows the
    /// records. Absent: it does not.
    ///
    /// # Errors
    /// Records that can no longer be read.
    fn rescaled(
        &self,
        _retained: &Selection,
        _observer: &mut dyn Observer,
    ) -> Result<Option<Box<dyn Model>>, Error> {
        Ok(None)
    }
}

/// Products with the curvature of the mean loss over selected records.
pub trait CurvatureProducts: Sync {
    /// Writes `B v`, B being the curvature at `w` of the mean loss over these records.
    ///
    /// # Errors
    /// Whatever the model meets; a curvature that it does not have.
    fn product(
        &self,
        which: Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure>;
}

/// Gradient and products in binary64.
pub trait DoublePrecision: Sync {
    /// As [`Model::gradient`].
    ///
    /// # Errors
    /// Whatever the model meets.
    fn exact_gradient(
        &self,
        w: &[f64],
        records: &[usize],
        gradient: &mut [f64],
    ) -> Result<f64, Failure>;

    /// As [`CurvatureProducts::product`].
    ///
    /// # Errors
    /// Whatever the model meets.
    fn exact_product(
        &self,
        which: Curvature,
        w: &[f64],
        records: &[usize],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure>;
}

/// Statistics that training keeps beside the parameters and no noise covers (docs/theory.md §6).
pub trait BatchNorm: Sync {
    /// Before any record was seen.
    fn initial(&self) -> Vec<f32>;

    /// On these records, with these weights, in minibatches of this size (at least 2) in the order
    /// that the seed draws: a function of nothing else.
    ///
    /// # Errors
    /// Whatever the model meets; fewer than two records.
    fn on(
        &self,
        records: &Selection,
        w: &[f32],
        minibatch: usize,
        seed: u64,
    ) -> Result<Vec<f32>, Error>;
}

/// Gradients of one minibatch after another.
pub trait Minibatches {
    /// Writes the gradient of the mean loss and the penalty over the records at these positions,
    /// and returns their value. Statistics move towards the minibatch's by `momentum`.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn gradient(
        &mut self,
        w: &[f32],
        records: &[usize],
        gradient: &mut [f32],
        statistics: &mut [f32],
        momentum: f64,
    ) -> Result<f64, Error>;
}

/// Objectives that a model makes itself, because it can share work between their passes.
pub trait OwnObjectives: Sync {
    /// The objective over selected records, with these statistics.
    ///
    /// # Errors
    /// An empty selection or one of other records.
    fn objective<'a>(
        &'a self,
        on: &Selection,
        statistics: &[f32],
        penalty: &L2Penalty,
    ) -> Result<Box<dyn Objective + 'a>, Error>;

    /// The same with its outputs, where these are linear in the weights.
    ///
    /// # Errors
    /// As [`objective`](Self::objective); [`Error::Lacks`] where they are not.
    fn convex_objective<'a>(
        &'a self,
        on: &Selection,
        penalty: &L2Penalty,
    ) -> Result<Box<dyn ConvexObjective + 'a>, Error>;

    /// Gradients for training.
    ///
    /// # Errors
    /// A penalty that does not fit.
    fn minibatches<'a>(&'a self, penalty: &L2Penalty) -> Result<Box<dyn Minibatches + 'a>, Error>;
}

/// What a model is measured on.
#[derive(Clone, Copy, Debug)]
pub enum EvaluationSet<'a> {
    /// Some of the records it was trained on, forgotten ones included.
    Records(&'a Selection),
    /// Records kept for testing.
    Test,
}

/// What a method may need of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// [`Model::curvature`].
    CurvatureProducts,
    /// [`Model::double_precision`].
    DoublePrecision,
    /// [`Model::linearisation`] or [`OwnObjectives::convex_objective`].
    LinearOutputs,
}

impl Capability {
    /// Whether a model has it.
    #[must_use]
    pub fn is_of(self, model: &dyn Model) -> bool {
        match self {
            _ if model.linearisation().is_some() => true,
            Self::CurvatureProducts => model.curvature().is_some(),
            Self::DoublePrecision => model.double_precision().is_some(),
            Self::LinearOutputs => model.is_convex() && model.own_objectives().is_some(),
        }
    }

    /// Its name in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CurvatureProducts => "curvature products",
            Self::DoublePrecision => "double precision",
            Self::LinearOutputs => "outputs that are linear in the weights",
        }
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
