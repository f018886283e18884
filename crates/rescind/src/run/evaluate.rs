//! How a run's models do, side by side.

use super::Run;
use crate::Error;
use crate::evaluation::{Measured, distance, measure};
use crate::observer::Observer;
use rescind_data::Selection;
use rescind_network::Weights;
use serde::{Deserialize, Serialize};

/// One model on every set of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sets {
    /// On all records forgotten so far.
    pub forgotten: Measured,
    /// On the records trained on from here.
    pub retained: Measured,
    /// On the records held out for validation.
    pub validation: Measured,
    /// On the test records.
    pub test: Measured,
    /// `‖w − c‖`.
    pub norm: f64,
    /// Distance to the retrained weights, where there are some.
    pub to_retrained: Option<f64>,
}

/// The models of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The model as it was before any request, if it was kept.
    pub original: Option<Sets>,
    /// The private model as it is.
    pub current: Sets,
    /// The newest release, as anybody can load it.
    pub released: Option<Sets>,
    /// The model retrained on the records now retained, if that was done.
    pub retrained: Option<Sets>,
    /// Seconds the original training took.
    pub training_seconds: f64,
    /// Seconds the retraining took.
    pub retraining_seconds: Option<f64>,
    /// Seconds each request took.
    pub request_seconds: Vec<f64>,
}

impl Run {
    /// Measures every model of the run on every set of records.
    ///
    /// # Errors
    /// A run without weights, a damaged file, [`Error::Interrupted`].
    pub fn evaluate(&self, observer: &mut dyn Observer) -> Result<Evaluation, Error> {
        let (record, state) = self.trained()?;
        let forgotten = self.split.train.difference(&record.retained)?;
        let retrained = self.reference(&record.retained)?.map(|(_, state)| state);
        let retrained = retrained.filter(|state| state.progress.ending.is_some());
        let target = retrained
            .as_ref()
            .map(|state| state.weights.parameters.clone());
        let mut sets = |weights: &Weights<f32>| {
            let model = self.model(weights.statistics.clone());
            let (train, w) = (&self.records.train, &weights.parameters);
            let mut on = |dataset, set: &Selection| measure(&model, w, dataset, set, observer);
            Ok::<Sets, Error>(Sets {
                forgotten: on(train, &forgotten)?,
                retained: on(train, &record.retained)?,
                validation: on(train, &self.split.validation)?,
                test: on(&self.records.test, &Selection::all(self.records.test.len()))?,
                norm: self.ball.distance(w),
                to_retrained: target.as_ref().map(|target| distance(w, target)),
            })
        };
        let original = match self.original()? {
            Some(weights) => Some(sets(&weights)?),
            None => None,
        };
        let released = match self.released_model()? {
            Some(weights) => Some(sets(&weights)?),
            None => None,
        };
        let retraining_seconds = retrained.as_ref().map(|state| state.progress.seconds);
        Ok(Evaluation {
            original,
            current: sets(&state.weights)?,
            released,
            retrained: match retrained {
                Some(state) => Some(sets(&state.weights)?),
                None => None,
            },
            training_seconds: state.progress.seconds,
            retraining_seconds,
            request_seconds: record
                .requests
                .iter()
                .map(|request| request.seconds)
                .collect(),
        })
    }

    /// The weights before the first request, if they were kept.
    pub(super) fn original(&self) -> Result<Option<Weights<f32>>, Error> {
        for number in self.store.numbers()?.into_iter().rev() {
            if self.store.record(number)?.requests.is_empty() {
                let found = self.store.read(&self.network, Some(number))?;
                return Ok(found.map(|(_, state)| state.weights));
            }
        }
        Ok(None)
    }

    /// The weights of the newest release.
    ///
    /// # Errors
    /// A release without its file, or with a damaged one.
    pub fn released_model(&self) -> Result<Option<Weights<f32>>, Error> {
        let releases = self.root.join("releases");
        let Ok(entries) = std::fs::read_dir(&releases) else {
            return Ok(None);
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let newest = names.filter(|name| name.parse::<u64>().is_ok()).max();
        let Some(newest) = newest else {
            return Ok(None);
        };
        let bytes = super::disk::read(&releases.join(newest).join("weights.safetensors"))?;
        Ok(Some(Weights::from_safetensors(&self.network, &bytes)?))
    }
}
