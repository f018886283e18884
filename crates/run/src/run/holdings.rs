//! What a run holds of somebody, found out without opening it.

use super::files::{open_manifest, read_config};
use crate::error::Error;
use crate::ledger::Ledger;
use rescind_data::{Digest, Manifest, RecordRequest, RequestError, Selection};
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
        let now = self.now()?;
        now.map(|now| now.held(requests)).transpose()
    }

    /// What is held as the ledger is now, to look at several times. `None` where it is being written, or
    /// another run is being put in its place: ask again.
    ///
    /// # Errors
    /// A ledger that cannot be read.
    pub fn now(&self) -> Result<Option<HeldNow<'_>>, Error> {
        let Some(ledger) = Ledger::open_as_it_lies(&self.root)? else {
            return Ok(None);
        };
        let history = ledger.history();
        let Some(made) = history.made() else {
            return Ok(None);
        };
        if made.manifest != self.manifest.root() {
            return Ok(None);
        }
        Ok(Some(HeldNow {
            manifest: &self.manifest,
            identity: made.identity(),
            answers: history.request_count(),
            validation: self.manifest.split().validation,
            gone: Selection::new(self.manifest.len(), ledger.forgotten()?)?,
        }))
    }
}

/// Who the records of a run are, and which of them were forgotten.
pub struct HeldNow<'a> {
    manifest: &'a Manifest,
    identity: Digest,
    answers: u64,
    validation: Selection,
    gone: Selection,
}

impl HeldNow<'_> {
    /// What tells the run from every other.
    #[must_use]
    pub fn identity(&self) -> Digest {
        self.identity
    }

    /// How many requests it has answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// How many records these name, by what they are to the run.
    ///
    /// # Errors
    /// As [`Holdings::held`].
    pub fn held(&self, requests: &[RecordRequest]) -> Result<Held, Error> {
        let (named, test) = self.named(requests)?;
        let validation = named.intersection(&self.validation)?.len();
        let forgotten = named.intersection(&self.gone)?.len();
        Ok(Held {
            trained: named.len() - validation - forgotten,
            validation,
            test,
            forgotten,
        })
    }

    /// The records that these name and that are trained on still.
    ///
    /// # Errors
    /// As [`Holdings::held`].
    pub fn trained_on(&self, requests: &[RecordRequest]) -> Result<Selection, Error> {
        let (named, _) = self.named(requests)?;
        let trained = named.difference(&self.validation)?;
        Ok(trained.difference(&self.gone)?)
    }

    /// The records that these name, but for those kept for testing, which are counted.
    fn named(&self, requests: &[RecordRequest]) -> Result<(Selection, usize), Error> {
        let records = self.manifest.len();
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
                other => match other.resolve(self.manifest, &all) {
                    Ok(found) => named = named.union(&found)?,
                    Err(RequestError::NeverTrainedOn { records }) => test += records,
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok((named, test))
    }
}
