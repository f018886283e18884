//! Runs of models trained elsewhere.

use super::Run;
use super::config::RunConfig;
use super::create::Stands;
use crate::error::Error;
use crate::ledger::{Entry, MadeEntry};
use rescind_network::Weights;
use rescind_unlearn::training::{TrainingEnding, TrainingProgress, TrainingState};
use rescind_unlearn::{Ball, Classifier, ModelDescription, Observer};
use std::any::Any;
use std::path::Path;

impl Run {
    /// Makes a run of a model trained elsewhere: `weights` is the content of a `safetensors` file.
    /// Everything in the data source but the validation share counts as trained on.
    ///
    /// The weights must lie in the ball. What the certificate then says of training rests on the
    /// configuration being the one they were trained by, which nobody checks.
    ///
    /// # Errors
    /// As [`create`](Self::create); weights that do not fit the network or lie outside the ball.
    pub fn import(
        root: &Path,
        config: RunConfig,
        centre: Option<&[u8]>,
        weights: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let (place, parts) = Run::parts(root, config, centre, observer)?;
        let model: &dyn Any = &*parts.model;
        let classifier: Option<&Classifier> = model.downcast_ref();
        let network = classifier
            .map(Classifier::network)
            .ok_or(Error::NotANetwork {
                what: "the network to give the weights to",
            })?;
        let weights = Weights::from_safetensors(network, weights)?;
        let state = &imported(weights, parts.model.description(), &parts.ball)?;
        let early = None;
        Run::made(root, place, parts, Some(Stands { state, early }))
    }

    /// Takes weights that were trained elsewhere as those of this run, which has none yet.
    ///
    /// # Errors
    /// Weights outside the ball or of the wrong length; a run that has weights.
    pub fn take(&mut self, weights: Weights<f32>) -> Result<(), Error> {
        if self.current.is_some() || self.broken {
            return Err(Error::RunExists {
                path: self.setup.root.clone(),
            });
        }
        let model = self.setup.model.description();
        let state = imported(weights, model, &self.setup.ball)?;
        let made = MadeEntry {
            imported: true,
            ..self.setup.made.clone()
        };
        self.ledger
            .append(vec![Entry::Made(made.clone())], None, None)?;
        self.setup.made = made;
        let record = self.setup.state_record(&self.retained, 0);
        self.keep(record, state)
    }
}

/// The state of a training that took place elsewhere.
fn imported(
    weights: Weights<f32>,
    model: &ModelDescription,
    ball: &Ball,
) -> Result<TrainingState, Error> {
    let centre = |place: usize| ball.centre().map_or(0.0, |centre| centre[place]);
    let own = &weights.parameters;
    let moved = |place: usize| own[place].to_bits() != centre(place).to_bits();
    if own.len() == model.parameters() && model.moving().others(own.len()).any(moved) {
        let reason = "the backbone in these weights is not the centre's: a head's backbone stays as \
                      it is, so give the one that the weights were trained on as the centre";
        let reason = reason.to_owned();
        return Err(rescind_unlearn::Error::NotProvable { reason }.into());
    }
    let (distance, radius) = (ball.distance(&weights.parameters), ball.radius());
    let mut inside = weights.parameters.clone();
    if ball.project(&mut inside) {
        return Err(rescind_unlearn::Error::StartOutsideBall { distance, radius }.into());
    }
    Ok(TrainingState {
        weights,
        exact: None,
        moments: Vec::new(),
        best: None,
        progress: TrainingProgress {
            ending: Some(TrainingEnding::Imported),
            ..TrainingProgress::default()
        },
    })
}
