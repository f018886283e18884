//! The records of a run, checked against its manifest and scaled.

use super::choice::Scaling;
use crate::error::Error;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use rescind_data::{DataSource, Dataset, Manifest, Selection, Standardisation, load};

/// Records as the network sees them.
#[derive(Clone)]
pub struct Records {
    /// Those trained on, forgotten ones included.
    pub train: Dataset,
    /// Those kept for testing.
    pub test: Dataset,
    /// The scaling of their inputs.
    pub scaling: Standardisation,
}

/// Records as they were loaded, known to be those of the manifest.
pub struct Raw {
    train: Dataset,
    test: Dataset,
    /// Who the records are.
    pub manifest: Manifest,
}

impl Raw {
    /// Loads the records, and checks them against `manifest` or makes one.
    pub fn load(
        source: &DataSource,
        manifest: Option<Manifest>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        report(observer, Phase::Load, 0, None)?;
        let data = load(source)?;
        let records = data.train.len() as u64;
        let manifest = match manifest {
            Some(manifest) => {
                manifest.verify(&data.train)?;
                manifest
            }
            None => Manifest::new(&data.train, source.to_string())?,
        };
        report(observer, Phase::Load, records, Some(records))?;
        Ok(Raw {
            train: data.train,
            test: data.test,
            manifest,
        })
    }

    /// The records to train on, unscaled.
    pub fn train(&self) -> &Dataset {
        &self.train
    }

    /// Scales them.
    pub fn scale(self, scaling: Standardisation) -> Result<Records, Error> {
        let Raw {
            mut train,
            mut test,
            ..
        } = self;
        scaling.apply(&mut train)?;
        scaling.apply(&mut test)?;
        Ok(Records {
            train,
            test,
            scaling,
        })
    }
}

impl Records {
    /// The scaling for a smaller retain set, and the records under it if that is another.
    pub fn rescaled(
        &self,
        source: &DataSource,
        choice: &Scaling,
        manifest: &Manifest,
        retained: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<Option<Records>, Error> {
        if *choice != Scaling::Computed {
            return Ok(None);
        }
        let raw = Raw::load(source, Some(manifest.clone()), observer)?;
        let scaling = choice.constants(source, raw.train(), retained)?;
        Ok(Some(raw.scale(scaling)?))
    }
}
