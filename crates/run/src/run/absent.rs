//! The run of an outside model, opened without it: what needs no record can be done.

use super::Run;
use crate::error::Error;
use rescind_data::{Digest, Manifest};
use rescind_unlearn::{Failure, Model, ModelDescription};
use std::any::Any;
use std::sync::Arc;

/// A model that only its caller's program has: its description is known, and who its records are.
pub(super) struct Absent {
    pub description: ModelDescription,
    pub manifest: Arc<Manifest>,
}

#[derive(Debug, thiserror::Error)]
#[error("the model is in the program that the run was made by")]
struct NotHere;

impl Model for Absent {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        self.manifest.len()
    }

    /// The keyed pseudonym: the identity itself is known only to the caller.
    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        Ok(self.manifest.pseudonym(position)?)
    }

    fn gradient(&self, _: &[f32], _: &[usize], _: &mut [f32]) -> Result<f64, Failure> {
        Err(NotHere.into())
    }
}

impl Run {
    /// Whether the run's model is in another program.
    #[must_use]
    pub fn model_is_absent(&self) -> bool {
        let any: &dyn Any = &*self.setup.model;
        any.is::<Absent>()
    }

    /// Refuses work on records where the model is in another program.
    pub(crate) fn model_is_here(&self) -> Result<(), Error> {
        match self.model_is_absent() {
            false => Ok(()),
            true => Err(Error::OtherKindOfModel {
                path: self.setup.root.clone(),
                found: "an outside model",
                advice: "with that model, in the program that has it",
            }),
        }
    }
}
