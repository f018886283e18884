//! A classifier as regression on features that no weight changes.

use super::Classifier;
use crate::error::{Error, Failure};
use crate::features::FixedFeatures;
use crate::linearisation::Targets;
use crate::model::Model;
use crate::outputs::OutputLoss;
use rescind_data::{Dataset, Selection};

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
        let constant = self
            .linear
            .as_ref()
            .is_some_and(|place| place.bias.is_some());
        let mut features = Vec::with_capacity(records.len() * self.width());
        self.each(records, &mut |seen, at| {
            let len = seen.input_len();
            features.extend_from_slice(&seen.inputs()[at * len..][..len]);
            features.extend(constant.then_some(1.0));
        })?;
        Ok(features)
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        let mut labels = Vec::with_capacity(records.len());
        self.each(records, &mut |seen, at| labels.push(seen.labels()[at]))?;
        Ok(Targets::Classes(labels))
    }
}

impl Classifier {
    /// Shows each of these records as the last layer sees it: where it is in which records.
    fn each(&self, records: &[usize], show: &mut dyn FnMut(&Dataset, usize)) -> Result<(), Error> {
        let which = Selection::new(self.records(), records.to_vec())?;
        match self.few(&which)? {
            Some(few) => {
                let places = which.positions();
                let found = records
                    .iter()
                    .filter_map(|at| places.binary_search(at).ok());
                found.for_each(|at| show(&few, at));
            }
            None => {
                let all = self.seen(&which)?;
                records.iter().for_each(|&at| show(all, at));
            }
        }
        Ok(())
    }
}
