//! A model in Python whose outputs are linear in features that no weight changes.

use crate::bytes::{positions, read};
use crate::fixed::Features;
use crate::linear::Linear;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rescind::{Failure, FixedFeatures, Linearisation, OutputLoss, Targets};
use rescind_data::{Digest, Selection};

/// Records that are told from others at a time.
const GROUP: usize = 4096;

/// Of a model that has such features; of any other, nothing.
impl FixedFeatures for Linear {
    fn outputs(&self) -> usize {
        Linearisation::outputs(self)
    }

    fn width(&self) -> usize {
        self.features.as_ref().map_or(0, |features| features.width)
    }

    fn loss(&self) -> OutputLoss {
        Linearisation::loss(self)
    }

    fn places(&self) -> Vec<usize> {
        let features = self.features.as_ref();
        features.map_or_else(Vec::new, |features| features.places.clone())
    }

    fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure> {
        let called = Python::attach(|py| {
            let arguments = (positions(py, records)?,);
            let features = self.object.call_method1(py, "features", arguments)?;
            read(
                features.cast_bound::<PyBytes>(py)?.as_bytes(),
                "the features",
            )
        });
        called.map_err(|error: PyErr| Failure::from(error))
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        Linearisation::targets(self, records)
    }

    /// Features are computed each time the model is brought, by whatever machine, and records that
    /// have ids may have other contents then.
    fn fingerprint(&self, records: &Selection) -> Result<Digest, Failure> {
        let mut hasher = blake3::Hasher::new();
        if let Some(own) = &self.features {
            if own.prints.get().is_none() {
                // Whoever else makes them meanwhile makes the same.
                let _ = own.prints.set(self.prints(own)?);
            }
            let prints = own.prints.get().map_or(&[][..], Vec::as_slice);
            for print in records.iter().filter_map(|at| prints.get(at)) {
                hasher.update(print);
            }
        }
        Ok(Digest::from(*hasher.finalize().as_bytes()))
    }
}

impl Linear {
    fn prints(&self, own: &Features) -> Result<Vec<[u8; 16]>, Failure> {
        let all: Vec<usize> = (0..own.records).collect();
        let mut prints = Vec::with_capacity(all.len());
        for group in all.chunks(GROUP) {
            let features = FixedFeatures::features(self, group)?;
            let targets = Linearisation::targets(self, group)?;
            let targets: Vec<u32> = match targets {
                Targets::Classes(numbers) | Targets::Tokens(numbers) => numbers,
                Targets::Values(values) => values.into_iter().map(f32::to_bits).collect(),
            };
            // As many of each as there are records, or they are refused where they are used.
            let targets = targets.chunks((targets.len() / group.len()).max(1));
            for (row, targets) in features.chunks(own.width).zip(targets) {
                let mut hasher = blake3::Hasher::new();
                row.iter().for_each(|x| _ = hasher.update(&x.to_le_bytes()));
                targets
                    .iter()
                    .for_each(|y| _ = hasher.update(&y.to_le_bytes()));
                let mut print = [0; 16];
                hasher.finalize_xof().fill(&mut print);
                prints.push(print);
            }
        }
        Ok(prints)
    }
}
