//! Preparing a model so that requests are answered from their own records.

use super::Run;
use crate::error::Error;
use rescind_unlearn::{Observer, Preparation, Scaling, discard_superseded, prepare};

impl Run {
    /// Sums up the records that stay, so that the requests to come cost what their own records cost,
    /// with the same proof (docs/theory.md §11). What is kept is private, and loses a record with its
    /// request. Doing it again renews it: the curvature is then that of the weights in force. Broken
    /// off, it goes on where it stood.
    ///
    /// # Errors
    /// [`ModelError::NotPrepared`](rescind_unlearn::Error::NotPrepared) for a model that is not linear
    /// in fixed features, that is not trained to its end, or that would need too much memory; what
    /// the model meets; interruption.
    pub fn refresh(&mut self, observer: &mut dyn Observer) -> Result<Preparation, Error> {
        self.model_is_here()?;
        let (_, state) = self.trained()?;
        if self
            .config()
            .is_some_and(|config| config.scaling == Scaling::Computed)
        {
            let reason = "inputs are scaled by constants that are computed afresh at every request, \
                          which moves every feature: declare ranges, or scale by fixed constants";
            let reason = reason.to_owned();
            return Err(rescind_unlearn::Error::NotPrepared { reason }.into());
        }
        self.setup.model.prepare(&self.retained, observer)?;
        let settings = (&self.setup.settings.training, &self.setup.ball);
        let of = (state, &self.retained);
        let kept = self.setup.kept();
        let made = prepare(&*self.setup.model, of, settings, &kept, observer)?;
        Ok(made)
    }

    /// Removes sums of records that are no longer those that are trained on.
    pub(super) fn discard_superseded(&self) -> Result<(), Error> {
        let Some((_, state)) = &self.current else {
            return Ok(());
        };
        if self.model_is_absent() {
            // Which features its records have is not known here.
            return Ok(());
        }
        let model = self.setup.model.fixed_features();
        let of = model.zip(state.exact.as_deref());
        let of = of.map(|(model, w)| (model, w, &self.retained));
        Ok(discard_superseded(&self.setup.kept(), of)?)
    }
}
