//! How far weights would have to move for an input to be decided otherwise (docs/theory.md §14).

use super::super::choice::Parameterisation;
use super::Classifier;
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use rescind_data::Dataset;
use rescind_network::{Tangent, Weights};
use std::f64::consts::SQRT_2;
use std::sync::Arc;

/// Inputs whose Jacobians are looked at together: each takes a row for every class but its own.
const GROUP: usize = 8;
/// Inputs whose outputs are computed together.
const TOGETHER: usize = 4096;

/// What a convex model makes of an input, and how firmly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The class with the greatest output; of equal ones the first.
    pub class: u32,
    /// The least distance of other weights from these at which another class is on a par.
    pub distance: f64,
}

impl Classifier {
    /// What the model makes of these inputs (scaled as its own are) with the weights w, and how firmly.
    ///
    /// Its outputs are `J(x)(w − c)`, so that class b is on a par with class a at a distance of
    /// `(z_a − z_b) / ‖J(x)ᵀ(e_a − e_b)‖` and no sooner; of a linear layer on features φ the
    /// denominator is `√2 ‖φ‖`. Computed in binary64.
    ///
    /// # Errors
    /// [`Error::NotProvable`] for a model that is not linear in its weights; inputs that do not fit;
    /// interruption.
    pub fn decisions(
        &self,
        inputs: &Dataset,
        w: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<Decision>, Error> {
        if !self.parameterisation.is_convex() {
            let reason = "how far retrained weights can be is proved for tangent models and convex \
                          heads alone: train one of these (rescind train --tangent, --head)";
            let reason = reason.to_owned();
            return Err(Error::NotProvable { reason });
        }
        let centre = |place: usize| self.centre.as_ref().map_or(0.0, |c| f64::from(c[place]));
        let v: Vec<f64> = (0..).zip(w).map(|(at, w)| w - centre(at)).collect();
        match self.linear {
            Some(_) => self.by_features(inputs, &v),
            None => self.by_jacobians(inputs, &v, observer),
        }
    }

    /// The classes that whoever loads these weights gets for these inputs (scaled as its own are).
    ///
    /// # Errors
    /// Inputs or weights that do not fit; interruption.
    pub fn classes(
        &self,
        inputs: &Dataset,
        weights: &Weights<f32>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<u32>, Error> {
        let model = self.model(weights.statistics.clone(), 0.0);
        let (k, len) = (self.network.outputs(), inputs.input_len().max(1));
        let mut all = Vec::with_capacity(inputs.len());
        for (done, group) in (0..).zip(inputs.inputs().chunks(TOGETHER * len)) {
            report(observer, Phase::Evaluate, done, None)?;
            let outputs = model.logits(&weights.parameters, group)?;
            let rows = outputs.chunks_exact(k.max(1));
            all.extend(rows.map(|row| {
                let wide: Vec<f64> = row.iter().map(|&z| f64::from(z)).collect();
                greatest(&wide) as u32
            }));
        }
        Ok(all)
    }

    fn by_features(&self, inputs: &Dataset, v: &[f64]) -> Result<Vec<Decision>, Error> {
        let own;
        let seen = match self.parameterisation {
            Parameterisation::Head => {
                own = self.features_of(inputs)?.into_dataset();
                &own
            }
            _ => inputs,
        };
        let places = self.places();
        let constant = self
            .linear
            .as_ref()
            .is_some_and(|place| place.bias.is_some());
        let width = self.width();
        if seen.input_len() + usize::from(constant) != width {
            return Err(Error::Setting {
                setting: "the length of an input",
                found: seen.input_len().to_string(),
                expected: "that of the records the model was trained on",
            });
        }
        let decided = seen
            .inputs()
            .chunks_exact(seen.input_len().max(1))
            .map(|x| {
                let features = || {
                    x.iter()
                        .map(|&x| f64::from(x))
                        .chain(constant.then_some(1.0))
                };
                let outputs: Vec<f64> = places
                    .chunks_exact(width)
                    .map(|row| row.iter().zip(features()).map(|(&at, x)| v[at] * x).sum())
                    .collect();
                let length = SQRT_2 * features().map(|x| x * x).sum::<f64>().sqrt();
                decided(&outputs, |_| length)
            });
        Ok(decided.collect())
    }

    fn by_jacobians(
        &self,
        inputs: &Dataset,
        v: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<Decision>, Error> {
        let origin: Vec<f64> = match &self.centre {
            Some(centre) => centre.iter().map(|&c| f64::from(c)).collect(),
            None => vec![0.0; v.len()],
        };
        let (k, len) = (self.network.outputs(), inputs.input_len().max(1));
        let others = k.saturating_sub(1).max(1);
        let total = inputs.len().div_ceil(GROUP) as u64;
        let mut all = Vec::with_capacity(inputs.len());
        for (done, group) in (0..).zip(inputs.inputs().chunks(GROUP * len)) {
            report(observer, Phase::Evaluate, done, Some(total))?;
            // Each input once for every class but its own.
            let repeated: Vec<f32> = group
                .chunks_exact(len)
                .flat_map(|x| x.repeat(others))
                .collect();
            let tangent = Tangent::<f64>::new(
                &self.network,
                &origin,
                repeated,
                Arc::clone(&self.execution),
                false,
            )?;
            let outputs = tangent.logits(v)?;
            let rows = outputs.chunks_exact(k * others).map(|of_one| &of_one[..k]);
            let mut differences = vec![0.0; outputs.len()];
            let places = differences.chunks_exact_mut(k * others);
            for (z, of_one) in rows.clone().zip(places) {
                let class = greatest(z);
                let against = (0..k).filter(|&b| b != class);
                for (difference, b) in of_one.chunks_exact_mut(k).zip(against) {
                    (difference[class], difference[b]) = (1.0, -1.0);
                }
            }
            let gram = tangent.gram(&differences)?;
            let count = tangent.records();
            let lengths: Vec<f64> = (0..count)
                .map(|row| gram[row * count + row].max(0.0).sqrt())
                .collect();
            all.extend(
                rows.zip(lengths.chunks_exact(others))
                    .map(|(z, lengths)| decided(z, |at| lengths[at])),
            );
        }
        Ok(all)
    }
}

fn greatest(outputs: &[f64]) -> usize {
    let mut best = 0;
    for (class, z) in outputs.iter().enumerate() {
        if *z > outputs[best] {
            best = class;
        }
    }
    best
}

/// The decision for these outputs, where `length` says how fast the output of the class and that of
/// another, numbered without it, can draw level.
fn decided(outputs: &[f64], length: impl Fn(usize) -> f64) -> Decision {
    let class = greatest(outputs);
    let others = (0..outputs.len()).filter(|&b| b != class).enumerate();
    let distances = others.map(|(at, b)| {
        let distance = (outputs[class] - outputs[b]) / length(at);
        // 0 of 0: outputs that no weights can tell apart.
        if distance.is_nan() { 0.0 } else { distance }
    });
    Decision {
        class: class as u32,
        distance: distances.fold(f64::INFINITY, f64::min),
    }
}
