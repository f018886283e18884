//! A classifier as regression on features that no weight changes.

use super::Classifier;
use crate::error::Failure;
use crate::features::FixedFeatures;
use crate::linearisation::Targets;
use crate::outputs::OutputLoss;

/// Of a classifier that has such a layer; of any other, nothing.
impl FixedFeatures for Classifier {
    fn outputs(&self) -> usize {
        self.network().outputs()
    }

    fn width(&self) -> usize {
        let place = self.linear.as_ref();
        place.map_or(0, |place| place.inputs + usize::from(place.bias.is_some()))
    }

    fn loss(&self) -> OutputLoss {
        self.loss.into()
    }

    fn places(&self) -> Vec<usize> {
        let Some(place) = self.linear.as_ref() else {
            return Vec::new();
        };
        let row = |output: usize| {
            let start = place.weight + output * place.inputs;
            (start..start + place.inputs).chain(place.bias.map(|bias| bias + output))
        };
        (0..self.network().outputs()).flat_map(row).collect()
    }

    fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure> {
        let (seen, width) = (self.seen(records)?, self.width());
        let constant = self
            .linear
            .as_ref()
            .is_some_and(|place| place.bias.is_some());
        let mut features = Vec::with_capacity(records.len() * width);
        for &record in records {
            let len = seen.input_len();
            features.extend_from_slice(&seen.inputs()[record * len..][..len]);
            features.extend(constant.then_some(1.0));
        }
        Ok(features)
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        let labels = self.seen(records)?.labels();
        Ok(Targets::Classes(
            records.iter().map(|&at| labels[at]).collect(),
        ))
    }
}
