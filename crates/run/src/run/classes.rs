//! Where the set of classes is from, and which of them are left without a record (docs/theory.md
//! §0.2).

use super::Run;
use super::config::Origin;
use super::setup::Setup;
use crate::error::Error;
use crate::release::ReleaseError;
use rescind_data::{Manifest, Selection};

impl Run {
    /// Whether the set of classes was read off the records, rather than declared before training or
    /// published with the data set. Promises then rest on nobody's having been the last of a class.
    #[must_use]
    pub fn classes_read_from_records(&self) -> bool {
        self.setup.classes_read()
    }
}

/// Refuses classes that were read off records none of which is trained on: whoever is the only one of
/// such a class would show in the number of outputs, and be told that there is nothing to forget.
///
/// # Errors
/// [`Error::ClassUntrained`].
pub(super) fn all_are_trained_on(manifest: &Manifest, train: &Selection) -> Result<(), Error> {
    let names = manifest.classes().unwrap_or_default();
    let seen = seen(manifest, train)?;
    let unseen = names.iter().zip(seen).find(|(_, seen)| !seen);
    match unseen {
        None => Ok(()),
        Some((class, _)) => Err(Error::ClassUntrained {
            class: class.clone(),
        }),
    }
}

/// Which classes have one of these records: looked through until every class was seen, which is soon.
fn seen(manifest: &Manifest, on: &Selection) -> Result<Vec<bool>, Error> {
    let mut seen = vec![false; manifest.classes().unwrap_or_default().len()];
    let mut left = seen.len();
    for class in manifest.classes_of(on) {
        if let Some(seen) = seen.get_mut(class?)
            && !*seen
        {
            *seen = true;
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    Ok(seen)
}

impl Setup {
    /// The same.
    pub fn classes_read(&self) -> bool {
        match &self.origin {
            Origin::Config(config) => {
                config.classes.is_none() && !config.data.has_published_classes()
            }
            Origin::Outside(_) => false,
        }
    }

    /// The classes that have records as long as `before` are there, and none once only `after` are:
    /// training on these would not know of them.
    ///
    /// # Errors
    /// A manifest that cannot be read.
    pub fn emptied(&self, before: &Selection, after: &Selection) -> Result<Vec<String>, Error> {
        let names = self.manifest.classes().unwrap_or_default();
        let after = seen(&self.manifest, after)?;
        if after.iter().all(|&seen| seen) {
            return Ok(Vec::new());
        }
        let both = seen(&self.manifest, before)?.into_iter().zip(after);
        let emptied = names.iter().zip(both);
        let emptied = emptied.filter(|(_, (before, after))| *before && !*after);
        Ok(emptied.map(|(name, _)| name.clone()).collect())
    }

    /// Refuses a release where weights trained on these records alone would have fewer outputs.
    ///
    /// # Errors
    /// [`ReleaseError::ClassEmptied`].
    pub fn check_classes(&self, retained: &Selection) -> Result<(), Error> {
        if !self.classes_read() {
            return Ok(());
        }
        match self.emptied(&self.split.train, retained)?.len() {
            0 => Ok(()),
            classes => Err(ReleaseError::ClassEmptied { classes }.into()),
        }
    }
}
