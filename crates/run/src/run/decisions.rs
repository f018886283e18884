//! Decisions that forgetting provably left as they are.

use super::Run;
use super::columns::same_columns;
use crate::error::Error;
use rescind_data::{DataSource, Dataset, load_watched};
use rescind_network::Weights;
use rescind_privacy::sensitivity::{GuaranteeKind, SensitivityBound};
use rescind_unlearn::training::TrainingEnding;
use rescind_unlearn::{Classifier, Observer, loading, widened};
use serde::Serialize;

/// Share of `‖w − c‖` that is taken off for rounding in binary64.
const ROUNDING: f64 = 1e-9;

/// What a run's models make of some inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decisions {
    /// Δ: no model that training without the forgotten records can end at is farther from the
    /// private one.
    pub within: f64,
    /// What that rests on: as a certificate of the same bound would say.
    pub kind: GuaranteeKind,
    /// The classes.
    pub classes: Vec<String>,
    /// One for each input, in order.
    pub inputs: Vec<InputDecision>,
}

/// What a run's models make of one input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InputDecision {
    /// Of a table, the line that the input is from.
    pub line: Option<u64>,
    /// The private model's class.
    pub class: u32,
    /// The least distance of other weights from the private ones at which another class is on a par.
    pub distance: f64,
    /// Whether every model that training without the forgotten records can end at decides so.
    pub settled: bool,
    /// The class of the newest release, where it covers all requests.
    pub released: Option<u32>,
    /// The class of the model as it was before any request, where it was kept.
    pub original: Option<u32>,
}

impl Run {
    /// What the private model, the released and the original one make of the records of a source
    /// (of the test records without one), and which of these decisions every retrained model makes
    /// too: by docs/theory.md §14, without retraining.
    ///
    /// Computed from private weights, so for the operator alone.
    ///
    /// # Errors
    /// [`NotProvable`](rescind_unlearn::Error::NotProvable) for a model for which no distance from
    /// retraining is proved; a source that cannot be read or does not fit; interruption.
    pub fn decisions(
        &self,
        on: Option<&DataSource>,
        observer: &mut dyn Observer,
    ) -> Result<Decisions, Error> {
        let (_, state) = self.trained()?;
        let classifier = self.classifier()?;
        let (within, kind) = self.distance_from_retrained()?;
        let (classes, parts) = self.inputs(classifier, on, observer)?;
        let w = match &state.exact {
            Some(exact) => exact.clone(),
            None => widened(&state.weights.parameters),
        };
        let history = self.ledger.history();
        let released = match history.pending().is_empty() {
            true => self.released_model()?,
            false => None,
        };
        let others = [released, self.original()?];
        let room = within + ROUNDING * self.setup.ball.distance(&state.weights.parameters);
        let mut inputs = Vec::new();
        for part in parts {
            let own = classifier.decisions(&part, &w, observer)?;
            let mut of = |weights: &Option<Weights<f32>>| {
                let classes = weights
                    .as_ref()
                    .map(|w| classifier.classes(&part, w, observer));
                classes.transpose()
            };
            let (released, original) = (of(&others[0])?, of(&others[1])?);
            let class = |all: &Option<Vec<u32>>, at: usize| all.as_ref()?.get(at).copied();
            inputs.extend(own.iter().enumerate().map(|(at, decision)| InputDecision {
                line: part.lines().and_then(|lines| lines.get(at)).copied(),
                class: decision.class,
                distance: decision.distance,
                settled: decision.distance > room,
                released: class(&released, at),
                original: class(&original, at),
            }));
        }
        inputs.sort_by_key(|input| input.line);
        Ok(Decisions {
            within,
            kind,
            classes,
            inputs,
        })
    }

    /// The bound that a release would rest on, and what that rests on itself.
    fn distance_from_retrained(&self) -> Result<(f64, GuaranteeKind), Error> {
        let (_, state) = self.trained()?;
        let reached = matches!(
            state.progress.ending,
            Some(TrainingEnding::GradientReached { .. })
        );
        let not_provable = |reason: &str| {
            let reason = reason.to_owned();
            Err(rescind_unlearn::Error::NotProvable { reason }.into())
        };
        if !self.setup.model.is_convex() {
            return not_provable(
                "how far retrained weights can be is proved for tangent models and convex heads \
                 alone: train one of these (rescind train --tangent, --head)",
            );
        }
        if let Some(TrainingEnding::Imported) = state.progress.ending {
            return not_provable(
                "the weights were trained elsewhere, and how near they are to the minimum nobody \
                 knows: a request goes there (rescind forget)",
            );
        }
        if !reached {
            return not_provable("training has not ended: go on with rescind train --resume");
        }
        let bounds = self.setup.bounds_of_training(self.retained.len())?;
        let value = |bound: &SensitivityBound| bound.value().value();
        let binding = bounds.iter().min_by(|a, b| value(a).total_cmp(&value(b)));
        let Some(binding) = binding else {
            return not_provable("no bound on the distance applies");
        };
        let declared = self.setup.declarations();
        let declared = declared.iter().map(|one| one.kind(binding.theorem()));
        let kind = declared.fold(binding.kind(), GuaranteeKind::max);
        Ok((value(binding), kind))
    }

    /// The inputs, scaled as the model's are, with the classes' names.
    fn inputs(
        &self,
        classifier: &Classifier,
        on: Option<&DataSource>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<String>, Vec<Dataset>), Error> {
        let names = self.setup.manifest.classes().unwrap_or_default();
        let mut parts = match on {
            None => return Ok((names.to_vec(), vec![classifier.test_records()?.clone()])),
            Some(source) => {
                let data = load_watched(source, Some(names), &mut loading(observer))?;
                let run = self.config().map(|config| &config.data);
                classifier.test_records()?;
                same_columns(
                    (source, data.train.table()),
                    (run.unwrap_or(source), classifier.table()),
                )?;
                vec![data.train, data.test]
            }
        };
        parts.retain(|part| !part.is_empty());
        if let Some(scaling) = self.setup.model.scaling() {
            parts
                .iter_mut()
                .try_for_each(|part| scaling.apply(part))
                .map_err(rescind_unlearn::Error::from)?;
        }
        Ok((names.to_vec(), parts))
    }
}
