//! Runs of models trained elsewhere.

use super::Run;
use super::config::RunConfig;
use super::files::CONFIG;
use crate::disk;
use crate::error::Error;
use crate::ledger::{Entry, MadeEntry};
use rescind_network::Weights;
use rescind_unlearn::Observer;
use rescind_unlearn::training::{TrainingEnding, TrainingProgress, TrainingState};
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
        let mut run = Run::create(root, config, centre, observer)?;
        let read = Weights::from_safetensors(run.classifier()?.network(), weights);
        let taken = read.map_err(Error::from).and_then(|read| run.take(read));
        match taken {
            Ok(()) => Ok(run),
            // Without it the folder holds no run, and another may be made there.
            Err(error) => {
                disk::remove_file(&root.join(CONFIG))?;
                Err(error)
            }
        }
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
        let (distance, radius) = (
            self.setup.ball.distance(&weights.parameters),
            self.setup.ball.radius(),
        );
        let mut inside = weights.parameters.clone();
        if self.setup.ball.project(&mut inside) {
            return Err(rescind_unlearn::Error::StartOutsideBall { distance, radius }.into());
        }
        let state = TrainingState {
            weights,
            exact: None,
            moments: Vec::new(),
            best: None,
            progress: TrainingProgress {
                ending: Some(TrainingEnding::Imported),
                ..TrainingProgress::default()
            },
        };
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
