//! What a run keeps for its methods, under `private/`.

use super::retraining::retrained;
use super::store::{StateRecord, Store};
use super::training::Training;
use crate::disk::{self, Access};
use crate::error::Error;
use rescind_data::{Digest, Selection, Standardisation};
use rescind_unlearn::Observer;
use rescind_unlearn::methods::{Checkpoint, Kept, Memory};
use rescind_unlearn::training::TrainingState;
use std::fs;
use std::path::PathBuf;

/// What a file of kept bytes begins with; the BLAKE3 of the rest follows.
const MAGIC: &[u8; 15] = b"rescind-kept-1\n";

/// The run's side of [`Kept`].
pub(super) struct KeptByRun<'a> {
    /// `private/kept`.
    pub folder: PathBuf,
    /// `private/early`.
    pub early: PathBuf,
    /// Digest of its record, as it was kept.
    pub early_record: Option<Digest>,
    /// The run's identity.
    pub run: Digest,
    /// `private/reference`.
    pub reference: PathBuf,
    /// The run's training; on which records is said when it is asked for.
    pub training: Training<'a>,
    /// The scaling of its inputs.
    pub scaling: Option<Standardisation>,
    /// What methods want to find again in memory.
    pub memory: &'a Memory,
}

impl KeptByRun<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.bin"))
    }
}

impl Kept for KeptByRun<'_> {
    /// What is missing, damaged or half written is none: making it again costs time and nothing
    /// else.
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        const BEFORE: usize = MAGIC.len() + blake3::OUT_LEN;
        let (before, body) = disk::read_after::<BEFORE>(&self.file(name)).ok()?;
        let hash = before.strip_prefix(MAGIC)?;
        (blake3::hash(&body).as_bytes() == hash).then_some(body)
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), rescind_unlearn::Error> {
        let beginning = [MAGIC, blake3::hash(bytes).as_bytes().as_slice()].concat();
        let parts = [&*beginning, bytes];
        let kept = disk::folder(&self.folder, Access::Private)
            .and_then(|()| disk::replace_for_now(&self.file(name), parts, Access::Private));
        kept.map_err(|error| Error::from(error).into())
    }

    fn has_some(&self, beginning: &str) -> bool {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        names.any(|name| name.to_string_lossy().starts_with(beginning))
    }

    fn discard_others(&self, beginning: &str, stay: &[&str]) -> Result<(), rescind_unlearn::Error> {
        let discarded = || {
            let Ok(entries) = fs::read_dir(&self.folder) else {
                return Ok(());
            };
            for entry in entries {
                let entry = entry.map_err(disk::io_error(&self.folder, "list it"))?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                // Half written ones, too.
                let stays = name
                    .strip_suffix(".bin")
                    .is_some_and(|name| stay.contains(&name));
                if name.starts_with(beginning) && !stays {
                    disk::remove_file(&entry.path())?;
                }
            }
            Ok::<(), Error>(())
        };
        discarded().map_err(Into::into)
    }

    fn memory(&self) -> Option<&Memory> {
        Some(self.memory)
    }

    fn retrained(
        &self,
        on: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<TrainingState, rescind_unlearn::Error> {
        let training = Training {
            train: on,
            ..self.training
        };
        let fresh = StateRecord::new(on, 0, self.scaling.clone());
        let store = Store::open(self.reference.clone(), self.run)?;
        Ok(retrained(store, training, fresh, observer)?)
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, rescind_unlearn::Error> {
        if self.training.settings.early_checkpoint.is_none() {
            return Ok(None);
        }
        let store = Store::open(self.early.clone(), self.run)?;
        let record = is_as_kept(&store, self.early_record)?;
        Ok(record.map(|record| Checkpoint {
            epoch: record.progress.epoch,
            records: record.records as usize,
        }))
    }

    fn early_state(&self) -> Result<TrainingState, rescind_unlearn::Error> {
        let (_, state) = self.early()?.ok_or(rescind_unlearn::Error::NoCheckpoint)?;
        Ok(state)
    }
}

impl KeptByRun<'_> {
    /// The early checkpoint, once it is found to be the one that training kept.
    pub fn early(&self) -> Result<Option<(StateRecord, TrainingState)>, Error> {
        let store = Store::open(self.early.clone(), self.run)?;
        match is_as_kept(&store, self.early_record)? {
            Some(_) => store.read(self.training.model.description(), None),
            None => Ok(None),
        }
    }
}

/// The record of the early checkpoint, once it is found to be the one that training kept. One that was
/// removed is none.
pub(super) fn is_as_kept(
    early: &Store,
    recorded: Option<Digest>,
) -> Result<Option<StateRecord>, Error> {
    let Some(record) = early.newest()? else {
        return Ok(None);
    };
    let found = early.digest_of(record.number)?;
    match recorded == Some(found) {
        true => Ok(Some(record)),
        false => {
            let path = early.record_file(record.number);
            Err(Error::not_recorded(path, Some(found), recorded))
        }
    }
}
