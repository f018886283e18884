//! What a run holds of somebody, found out without opening it.

use super::files::{open_manifest, read_config};
use crate::error::Error;
use crate::ledger::Ledger;
use rescind_data::{Manifest, RecordRequest, RequestError, Selection};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Who the records of a run are, opened once: says what is held of whom without the run's lock, so
/// also while another process works on it.
#[derive(Debug)]
pub struct Holdings {
    root: PathBuf,
    manifest: Manifest,
}

/// How many records some requests name, by what they are to the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Trained on and not forgotten: a request would take these out.
    pub trained: usize,
    /// Held out for validation.
    pub validation: usize,
    /// Kept for testing, of those who were named as subjects.
    pub test: usize,
    /// Forgotten before.
    pub forgotten: usize,
}

impl Holdings {
    /// Reads who the records of a run are.
    ///
    /// # Errors
    /// A folder that holds no run, or a damaged file.
    pub fn of_run(root: &Path) -> Result<Self, Error> {
        read_config(root)?;
        Ok(Self {
            root: root.to_owned(),
            manifest: open_manifest(root)?,
        })
    }

    /// What is held now of all that any of these names, each record once; of a subject whom the run
    /// does not know, nothing. `None` where the ledger is being written: ask again.
    ///
    /// # Errors
    /// Positions, lines, hashes and classes that the run does not have, a random draw, and subjects
    /// where no record says whose it is.
    pub fn held(&self, requests: &[RecordRequest]) -> Result<Option<Held>, Error> {
        let Some(ledger) = Ledger::open_as_it_lies(&self.root)? else {
            return Ok(None);
        };
        let (records, split) = (self.manifest.len(), self.manifest.split());
        let gone = Selection::new(records, ledger.forgotten()?)?;
        let all = Selection::all(records);
        let mut named = Selection::none(records);
        let mut test = 0;
        for request in requests {
            match request {
                RecordRequest::Subject(subject) => {
                    let found = self.manifest.of_subject(subject)?;
                    named = named.union(&found.ok_or(RequestError::NoSubjects)?)?;
                    test += self.manifest.tests_of_subject(subject)?;
                }
                // What a draw names is not held of anybody.
                RecordRequest::Random { .. } => return Err(RequestError::Empty.into()),
                other => match other.resolve(&self.manifest, &all) {
                    Ok(found) => named = named.union(&found)?,
                    Err(RequestError::NeverTrainedOn { records }) => test += records,
                    Err(error) => return Err(error.into()),
                },
            }
        }
        let validation = named.intersection(&split.validation)?.len();
        let forgotten = named.intersection(&gone)?.len();
        Ok(Some(Held {
            trained: named.len() - validation - forgotten,
            validation,
            test,
            forgotten,
        }))
    }
}
