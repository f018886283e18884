//! What a run keeps to itself, for those who measure it. None of it may be handed out.

use super::Run;
use crate::error::Error;
use rescind_network::Weights;

/// One of the run's un-noised models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateModel {
    /// As it was before any request, if it was kept and takes inputs scaled as they now are.
    Original,
    /// As it is.
    Current,
    /// Retrained on the records now retained, if that was done to its end.
    Retrained,
}

impl Run {
    /// Un-noised weights, for measuring: no noise covers them, so they must not leave the run.
    ///
    /// # Errors
    /// A run without weights, a damaged file.
    pub fn private_model(&self, which: PrivateModel) -> Result<Option<Weights<f32>>, Error> {
        let (_, state) = self.trained()?;
        match which {
            PrivateModel::Original => self.original(),
            PrivateModel::Current => Ok(Some(state.weights.clone())),
            PrivateModel::Retrained => {
                let found = self.reference(&self.retained)?;
                let done = found.filter(|state| state.progress.ending.is_some());
                Ok(done.map(|state| state.weights))
            }
        }
    }

    /// The un-noised weights as they are: likewise.
    ///
    /// # Errors
    /// [`Error::NothingTrained`].
    pub fn private_weights(&self) -> Result<&Weights<f32>, Error> {
        let (_, state) = self.trained()?;
        Ok(&state.weights)
    }
}
