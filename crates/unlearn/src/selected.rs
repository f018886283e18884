//! Objectives and minibatches of any model, made of its core.

use crate::error::{Error, Failure};
use crate::linearised::LinearisedObjective;
use crate::model::{Capability, Minibatches, Model};
use crate::objective::{Curvature, Minibatch, Objective};
use crate::penalty::L2Penalty;
use crate::products::Products;
use crate::sampling::uniform_sample;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rescind_data::Selection;

/// `F_S` of a model over selected records: its own objective, where it makes one.
///
/// # Errors
/// An empty selection or one of other records.
pub fn objective<'a>(
    model: &'a dyn Model,
    on: &Selection,
    statistics: &[f32],
    penalty: &L2Penalty,
) -> Result<Box<dyn Objective + 'a>, Error> {
    if let Some(own) = model.own_objectives() {
        return own.objective(on, statistics, penalty);
    }
    if let Some(linear) = model.linearisation() {
        let made = LinearisedObjective::new(linear, on, penalty.strength)?;
        return Ok(Box::new(made));
    }
    if on.is_empty() {
        return Err(Error::NoRecords);
    }
    Ok(Box::new(Selected {
        model,
        positions: on.positions().to_vec(),
        penalty: penalty.clone(),
    }))
}

/// Gradients for training: the model's own, where it makes them.
///
/// # Errors
/// A penalty that does not fit.
pub fn minibatches<'a>(
    model: &'a dyn Model,
    penalty: &L2Penalty,
) -> Result<Box<dyn Minibatches + 'a>, Error> {
    if let Some(own) = model.own_objectives() {
        return own.minibatches(penalty);
    }
    Ok(Box::new(Plain {
        model,
        penalty: penalty.clone(),
    }))
}

struct Plain<'a> {
    model: &'a dyn Model,
    penalty: L2Penalty,
}

impl Minibatches for Plain<'_> {
    fn gradient(
        &mut self,
        w: &[f32],
        records: &[usize],
        gradient: &mut [f32],
        _: &mut [f32],
        _: f64,
    ) -> Result<f64, Error> {
        let loss = self.model.gradient(w, records, gradient)?;
        Ok(loss + self.penalty.add_gradient(w, gradient))
    }
}

struct Selected<'a> {
    model: &'a dyn Model,
    positions: Vec<usize>,
    penalty: L2Penalty,
}

impl Selected<'_> {
    fn lacks(capability: Capability) -> Error {
        Error::Lacks {
            capability: capability.as_str(),
        }
    }
}

impl Objective for Selected<'_> {
    fn dim(&self) -> usize {
        self.model.description().parameters()
    }

    fn records(&self) -> usize {
        self.positions.len()
    }

    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        let loss = self.model.gradient(w, &self.positions, gradient)?;
        Ok(loss + self.penalty.add_gradient(w, gradient))
    }

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let double = self.model.double_precision();
        let double = double.ok_or(Self::lacks(Capability::DoublePrecision))?;
        let loss = double.exact_gradient(w, &self.positions, gradient)?;
        Ok(loss + self.penalty.add_exact_gradient(w, gradient))
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        self.check_curvature()?;
        Ok(Box::new(At {
            objective: self,
            w,
            which,
            minibatch: None,
        }))
    }

    fn sampled_curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
        minibatch: Minibatch,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        self.check_curvature()?;
        if minibatch.records == 0 {
            return Err(Error::NoRecords);
        }
        Ok(Box::new(At {
            objective: self,
            w,
            which,
            minibatch: Some(minibatch),
        }))
    }

    fn exact_product(
        &self,
        w: &[f64],
        which: Curvature,
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        let double = self.model.double_precision();
        let double = double.ok_or(Self::lacks(Capability::DoublePrecision))?;
        double.exact_product(which, w, &self.positions, v, out)?;
        self.penalty.add_exact_product(v, out);
        Ok(())
    }

    fn subset(&self, records: usize, seed: u64) -> Result<Box<dyn Objective + '_>, Error> {
        let drawn = uniform_sample(self.positions.len(), records, seed)?;
        Ok(Box::new(Selected {
            model: self.model,
            positions: drawn.into_iter().map(|at| self.positions[at]).collect(),
            penalty: self.penalty.clone(),
        }))
    }
}

impl Selected<'_> {
    fn check_curvature(&self) -> Result<(), Error> {
        match self.model.curvature() {
            Some(_) => Ok(()),
            None => Err(Self::lacks(Capability::CurvatureProducts)),
        }
    }

    fn product(
        &self,
        which: Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let curvature = self.model.curvature();
        let curvature = curvature.ok_or(Self::lacks(Capability::CurvatureProducts))?;
        let done: Result<(), Failure> = curvature.product(which, w, records, v, out);
        done?;
        self.penalty.add_product(v, out);
        Ok(())
    }
}

/// The curvature at some weights.
struct At<'a> {
    objective: &'a Selected<'a>,
    w: &'a [f32],
    which: Curvature,
    minibatch: Option<Minibatch>,
}

impl Products for At<'_> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let positions = &self.objective.positions;
        self.objective
            .product(self.which, self.w, positions, v, out)
    }

    fn sampled_product(
        &self,
        chain: u64,
        step: u64,
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let minibatch = self.minibatch.ok_or(Error::Lacks {
            capability: "products over minibatches",
        })?;
        let drawn = minibatch.draw(chain, step, self.objective.positions.len());
        let records: Vec<usize> = drawn
            .into_iter()
            .map(|at| self.objective.positions[at])
            .collect();
        self.objective.product(self.which, self.w, &records, v, out)
    }
}

impl Minibatch {
    /// Places, among `all`, of the records of the minibatch `(chain, step)`.
    pub(crate) fn draw(self, chain: u64, step: u64, all: usize) -> Vec<usize> {
        let mut key = [0; 32];
        for (bytes, part) in key.chunks_exact_mut(8).zip([self.seed, chain, step]) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        index::sample(&mut rng, all, self.records.min(all)).into_vec()
    }
}
