//! The records of a run as its network sees them, read when they are first needed.

use crate::error::Error;
use crate::observer::{Observer, loading, report};
use crate::phase::Phase;
use rescind_data::{
    Data, DataSource, Dataset, Manifest, Reloaded, Selection, Standardisation, TableSummary,
    reload_few, reload_watched, same_name,
};
use std::sync::{Arc, OnceLock};

/// More than this part of all records are no few: they are read with the others.
const FEW: usize = 16;

/// The records of a run as its network sees them, read when they are first needed.
#[derive(Clone)]
pub struct Records {
    source: DataSource,
    manifest: Arc<Manifest>,
    /// Those that must be in the source, unless more is known when they are read.
    required: Selection,
    scaling: Standardisation,
    /// Records to train on.
    len: usize,
    read: OnceLock<Arc<Scaled>>,
}

/// Records with their inputs scaled.
pub(super) struct Scaled {
    /// Those trained on, forgotten ones included.
    pub train: Dataset,
    /// Those kept for testing.
    pub test: Dataset,
    /// How many records the source holds that are not of the run.
    pub unlisted: usize,
    /// Whose these are.
    pub unlisted_subjects: Vec<String>,
}

impl Records {
    /// Records of a source that are still to be read: those of the manifest, of which these must be
    /// there.
    #[must_use]
    pub fn unread(
        source: DataSource,
        manifest: Arc<Manifest>,
        required: Selection,
        scaling: Standardisation,
    ) -> Self {
        Self {
            source,
            len: manifest.len(),
            manifest,
            required,
            scaling,
            read: OnceLock::new(),
        }
    }

    /// Records that have been read, unscaled; they must be those of the manifest, in its order.
    ///
    /// # Errors
    /// A scaling that does not fit them.
    pub fn of(
        data: Data,
        source: DataSource,
        manifest: Arc<Manifest>,
        scaling: Standardisation,
    ) -> Result<Self, Error> {
        let all = Selection::all(manifest.len());
        let records = Self::unread(source, manifest, all, scaling);
        records.keep(data.train, data.test, (0, Vec::new()))?;
        Ok(records)
    }

    /// Other training records in their place.
    pub(super) fn with(&self, train: Dataset) -> Result<Self, Error> {
        let read = self.get()?;
        let records = Self {
            len: train.len(),
            read: OnceLock::new(),
            ..self.clone()
        };
        let _ = records.read.set(Arc::new(Scaled {
            train,
            test: read.test.clone(),
            unlisted: 0,
            unlisted_subjects: Vec::new(),
        }));
        Ok(records)
    }

    /// How many there are to train on, forgotten ones included.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Their scaling, known without reading them.
    pub(super) fn scaling(&self) -> &Standardisation {
        &self.scaling
    }

    /// Who they are.
    pub(super) fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Where they can be read.
    pub(super) fn source(&self) -> &DataSource {
        &self.source
    }

    /// What was found in the table that they are of, once they have been read.
    pub(super) fn table(&self) -> Option<&TableSummary> {
        self.read.get()?.train.table()
    }

    /// The records, read now if they were not.
    pub(super) fn get(&self) -> Result<&Scaled, Error> {
        self.load(&self.required, &mut ())
    }

    /// Whether they have been read.
    pub(super) fn has_read(&self) -> bool {
        self.read.get().is_some()
    }

    /// A few of them, read without the others and kept by nobody. None where all have been read, or
    /// where the source cannot be read so, or no longer has them where they were.
    pub(super) fn few(&self, which: &Selection) -> Result<Option<Dataset>, Error> {
        if self.has_read() || which.len() > self.len / FEW {
            return Ok(None);
        }
        let few = reload_few(&self.source, &self.manifest, which)?;
        let scaled = few.map(|mut few| {
            self.scaling.apply(&mut few)?;
            Ok(few)
        });
        scaled.transpose()
    }

    /// All of them, of which these need not be there.
    pub(super) fn get_despite(&self, absent: &Selection) -> Result<&Scaled, Error> {
        match self.read.get() {
            Some(read) => Ok(read),
            None => self.load(&self.required.difference(absent)?, &mut ()),
        }
    }

    /// The same, where fewer are required than was thought.
    pub(super) fn load(
        &self,
        required: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<&Scaled, Error> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let Reloaded { train, test } = self.again(required, observer)?;
        self.keep(
            train.dataset,
            test,
            (train.unlisted, train.unlisted_subjects),
        )
    }

    /// How many records of a subject whom the manifest does not know the source holds. None of those
    /// that it knows need be there.
    pub(super) fn added_of(&self, subject: &str) -> Result<usize, Error> {
        let count = |added: &[String], test: &Dataset| {
            let all = added.iter().chain(test.subjects().unwrap_or_default());
            all.filter(|of| same_name(of, subject)).count()
        };
        if let Some(read) = self.read.get() {
            return Ok(count(&read.unlisted_subjects, &read.test));
        }
        let Reloaded { train, test } = self.again(&Selection::none(self.len), &mut ())?;
        Ok(count(&train.unlisted_subjects, &test))
    }

    /// The records afresh, unscaled.
    pub(super) fn again(
        &self,
        required: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<Reloaded, Error> {
        report(observer, Phase::Load, 0, None)?;
        let (source, manifest) = (&self.source, &self.manifest);
        let reloaded = reload_watched(source, manifest, required, &mut loading(observer))?;
        let records = self.manifest.len() as u64;
        report(observer, Phase::Load, records, Some(records))?;
        Ok(reloaded)
    }

    /// The records that were read afresh, under another scaling.
    pub(super) fn rescaled(
        &self,
        reloaded: Reloaded,
        required: Selection,
        scaling: Standardisation,
    ) -> Result<Self, Error> {
        let (source, manifest) = (self.source.clone(), Arc::clone(&self.manifest));
        let records = Self::unread(source, manifest, required, scaling);
        let Reloaded { train, test } = reloaded;
        records.keep(
            train.dataset,
            test,
            (train.unlisted, train.unlisted_subjects),
        )?;
        Ok(records)
    }

    fn keep(
        &self,
        mut train: Dataset,
        mut test: Dataset,
        (unlisted, unlisted_subjects): (usize, Vec<String>),
    ) -> Result<&Scaled, Error> {
        self.scaling.apply(&mut train)?;
        self.scaling.apply(&mut test)?;
        // Whoever else read them meanwhile read the same.
        Ok(self.read.get_or_init(|| {
            Arc::new(Scaled {
                train,
                test,
                unlisted,
                unlisted_subjects,
            })
        }))
    }
}
