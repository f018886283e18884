//! A second run that stands where another stands.

use super::Run;
use super::create::{Parts, Stands};
use super::vacant::Vacant;
use crate::error::Error;
use rescind_unlearn::Classifier;
use std::path::Path;

impl Run {
    /// A second run in a new or empty folder that stands where this one stands before its first
    /// request, private weights included: so that several methods can answer the same request
    /// from the same weights.
    ///
    /// # Errors
    /// A run that has answered a request, whose ledger belongs to it alone; a run of an outside
    /// model; else as [`create`](Self::create).
    pub fn fork(&self, root: &Path) -> Result<Run, Error> {
        let (record, state) = self.trained()?;
        if record.answered > 0 {
            return Err(rescind_unlearn::Error::Setting {
                setting: "the run to fork",
                found: format!("one that has answered {} requests", record.answered),
                expected: "one that has answered none: its ledger is its own",
            }
            .into());
        }
        let model: Classifier = self.classifier()?.clone();
        let place = Vacant::take(root)?;
        let parts = Parts {
            origin: self.setup.origin.clone(),
            settings: self.setup.settings.clone(),
            model: Box::new(model),
            manifest: self.setup.manifest.clone(),
            ball: self.setup.ball.clone(),
            centre_seed: self.setup.centre_seed,
        };
        let early = match self.setup.settings.training.early_checkpoint {
            Some(_) => self.setup.kept().early()?,
            None => None,
        };
        Run::made(root, place, parts, Some(Stands { state, early }))
    }
}
