//! Private iterates on disk: `NNNNNN/` folders, of which the newest counts.

use crate::error::Error;
use crate::json::{self as disk, Access};
use crate::release::fresh_salt;
use crate::tensors;
use rescind_certificate::digest_of;
use rescind_data::{Digest, Selection, Standardisation};
use rescind_network::Weights;
use rescind_unlearn::ModelDescription;
use rescind_unlearn::training::{TrainingProgress, TrainingState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FORMAT: u32 = 3;
const RECORD: &str = "state.json";
const WEIGHTS: &str = "weights.safetensors";
const EXACT: &str = "exact.safetensors";
const BEST: &str = "best.safetensors";
const STAGING: &str = ".staging";

/// What is written beside the weights of a private iterate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateRecord {
    format: u32,
    /// Drawn anew for every iterate: the record's digest follows the ledger's chain, whose end is
    /// published, and nobody may confirm a guess of un-noised weights by it.
    salt: Digest,
    /// The run that it is of.
    run: Digest,
    /// The iterate's number.
    pub number: u64,
    /// Digest of the set of records that it is trained on from here.
    pub retained: Digest,
    /// How many they are.
    pub records: u64,
    /// How many requests it has answered.
    pub answered: u64,
    /// How far training has come.
    pub progress: TrainingProgress,
    /// The scaling of its inputs.
    pub scaling: Option<Standardisation>,
    /// BLAKE3 of the files beside this one.
    files: BTreeMap<String, Digest>,
}

impl StateRecord {
    /// The record of a state not yet written.
    pub(crate) fn new(
        retained: &Selection,
        answered: u64,
        scaling: Option<Standardisation>,
    ) -> Self {
        StateRecord {
            format: FORMAT,
            salt: Digest::from([0; 32]),
            run: Digest::from([0; 32]),
            number: 0,
            retained: retained.digest(),
            records: retained.len() as u64,
            answered,
            progress: TrainingProgress::default(),
            scaling,
            files: BTreeMap::new(),
        }
    }
}

/// A folder of private iterates.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// The run that its states are of, where it is known.
    run: Option<Digest>,
}

/// An iterate that is complete on disk and does not count yet.
pub(crate) struct Staged {
    number: u64,
    /// BLAKE3 of its record, which names the hashes of its other files.
    pub digest: Digest,
}

impl Store {
    pub fn open(folder: PathBuf, run: Digest) -> Result<Self, Error> {
        disk::folder(&folder, Access::Private)?;
        Ok(Store {
            folder,
            run: Some(run),
        })
    }

    /// The folder as it is, to read from.
    pub fn at(folder: PathBuf, run: Option<Digest>) -> Self {
        Store { folder, run }
    }

    /// The record of the newest iterate.
    pub fn newest(&self) -> Result<Option<StateRecord>, Error> {
        self.numbers()?
            .last()
            .map(|&number| self.record(number))
            .transpose()
    }

    /// Numbers of the complete iterates, ascending.
    pub fn numbers(&self) -> Result<Vec<u64>, Error> {
        let entries = std::fs::read_dir(&self.folder);
        let entries = entries.map_err(disk::io_error(&self.folder, "list it"))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let entry = entry.map_err(disk::io_error(&self.folder, "list it"))?;
            numbers.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse::<u64>().ok()),
            );
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn place(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:06}"))
    }

    /// What a crash left of an iterate that did not count yet.
    pub fn staged(&self) -> Result<Option<Staged>, Error> {
        let path = self.folder.join(STAGING).join(RECORD);
        // Written last: without it, or with half of it, nothing was promised to anybody.
        let Ok(bytes) = disk::read(&path) else {
            return Ok(None);
        };
        let Ok(record) = disk::parse::<StateRecord>(&path, &bytes) else {
            return Ok(None);
        };
        Ok(Some(Staged {
            number: record.number,
            digest: digest_of(&bytes),
        }))
    }

    /// Removes what crashes left.
    pub fn sweep(&self) -> Result<(), Error> {
        let entries = std::fs::read_dir(&self.folder);
        let entries = entries.map_err(disk::io_error(&self.folder, "list it"))?;
        for entry in entries {
            let entry = entry.map_err(disk::io_error(&self.folder, "list it"))?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                disk::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes the checkpoint before the newest iterate, where a crash kept that from being done when
    /// the newest took its place.
    pub fn remove_superseded(&self) -> Result<(), Error> {
        let numbers = self.numbers()?;
        if let [.., before, newest] = numbers[..] {
            let (older, newer) = (self.record(before)?, self.record(newest)?);
            if older.progress.ending.is_none() && older.answered == newer.answered {
                self.remove(before)?;
            }
        }
        Ok(())
    }

    /// Writes an iterate completely, without its counting yet. Gives the record its number.
    pub fn stage(
        &self,
        model: &ModelDescription,
        record: &mut StateRecord,
        state: &TrainingState,
    ) -> Result<Staged, Error> {
        let folder = self.folder.join(STAGING);
        record.salt = fresh_salt()?;
        record.run = self.run.unwrap_or(record.run);
        disk::remove(&folder)?;
        disk::folder(&folder, Access::Private)?;
        record.number = self.numbers()?.last().map_or(0, |last| last + 1);
        record.progress = state.progress.clone();
        record.files.clear();
        let mut written = Vec::new();
        let mut put = |name: String, bytes: Vec<u8>| {
            let path = folder.join(&name);
            disk::write(&path, &bytes, Access::Private)?;
            written.push(path);
            record.files.insert(name, digest_of(&bytes));
            Ok::<(), Error>(())
        };
        let of = |weights: &Weights<f32>| {
            let bytes = tensors::to_bytes(model, &weights.parameters, &weights.statistics);
            bytes.map_err(|error| damaged(&folder, &error))
        };
        put(WEIGHTS.to_owned(), of(&state.weights)?)?;
        if let Some(exact) = &state.exact {
            let statistics = vec![0.0_f64; model.statistic_count()];
            let bytes = tensors::to_bytes(model, exact, &statistics);
            put(
                EXACT.to_owned(),
                bytes.map_err(|error| damaged(&folder, &error))?,
            )?;
        }
        if let Some(best) = &state.best {
            put(BEST.to_owned(), of(best)?)?;
        }
        for (index, moment) in state.moments.iter().enumerate() {
            let moment = Weights {
                parameters: moment.clone(),
                statistics: vec![0.0; model.statistic_count()],
            };
            put(moment_file(index), of(&moment)?)?;
        }
        let path = folder.join(RECORD);
        let bytes = disk::json(&path, record)?;
        disk::write(&path, &bytes, Access::Private)?;
        written.push(path);
        disk::sync(&folder, &written)?;
        Ok(Staged {
            number: record.number,
            digest: digest_of(&bytes),
        })
    }

    /// Makes a staged iterate count.
    pub fn commit(&self, staged: &Staged) -> Result<(), Error> {
        Ok(disk::rename(
            &self.folder.join(STAGING),
            &self.place(staged.number),
        )?)
    }

    /// Makes a staged iterate count that the ledger names already: should the disk lose the name that
    /// it gets now, whoever works on the run next gives it again.
    pub fn commit_recorded(&self, staged: &Staged) -> Result<(), Error> {
        let from = self.folder.join(STAGING);
        Ok(disk::rename_for_now(&from, &self.place(staged.number))?)
    }

    /// Removes all iterates, and what crashes left.
    pub fn clear(&self) -> Result<(), Error> {
        self.sweep()?;
        let mut numbers = self.numbers()?.into_iter();
        numbers.try_for_each(|number| self.remove(number))
    }

    /// Removes an iterate.
    pub fn remove(&self, number: u64) -> Result<(), Error> {
        Ok(disk::remove(&self.place(number))?)
    }

    /// Reads an iterate; the newest if no number is given.
    pub fn read(
        &self,
        model: &ModelDescription,
        number: Option<u64>,
    ) -> Result<Option<(StateRecord, TrainingState)>, Error> {
        let Some(number) = number.or(self.numbers()?.last().copied()) else {
            return Ok(None);
        };
        let folder = self.place(number);
        let record: StateRecord = self.record(number)?;
        let (mut weights, mut exact) = (BTreeMap::new(), None);
        for (name, expected) in &record.files {
            let path = folder.join(name);
            let bytes = disk::read(&path)?;
            let found = digest_of(&bytes);
            if found != *expected {
                let reason = format!("its content has hash {found}, {RECORD} says {expected}");
                return Err(Error::Damaged { path, reason });
            }
            if name == EXACT {
                let read = tensors::from_bytes(model, &bytes);
                exact = Some(read.map_err(|error| damaged(&path, &error))?.parameters);
            } else {
                let read = tensors::from_bytes(model, &bytes);
                weights.insert(name.clone(), read.map_err(|error| damaged(&path, &error))?);
            }
        }
        let missing = || Error::Damaged {
            path: folder.join(RECORD),
            reason: format!("it does not list {WEIGHTS}"),
        };
        let moments = (0..).map_while(|index| weights.remove(&moment_file(index)));
        let moments = moments
            .map(|moment: Weights<f32>| moment.parameters)
            .collect();
        let state = TrainingState {
            best: weights.remove(BEST),
            weights: weights.remove(WEIGHTS).ok_or_else(missing)?,
            exact,
            moments,
            progress: record.progress.clone(),
        };
        Ok(Some((record, state)))
    }

    /// Where the record of an iterate lies.
    pub fn record_file(&self, number: u64) -> PathBuf {
        self.place(number).join(RECORD)
    }

    /// BLAKE3 of the record of an iterate, which names the hashes of its other files.
    pub fn digest_of(&self, number: u64) -> Result<Digest, Error> {
        Ok(digest_of(&disk::read(&self.record_file(number))?))
    }

    /// Reads the record of an iterate without its weights.
    pub fn record(&self, number: u64) -> Result<StateRecord, Error> {
        let path = self.place(number).join(RECORD);
        let record: StateRecord = disk::read_json(&path)?;
        if record.format != FORMAT {
            return Err(Error::Format {
                path,
                found: record.format,
                expected: FORMAT,
            });
        }
        if self.run.is_some_and(|run| run != record.run) {
            let reason = "it is a state of another run".to_owned();
            return Err(Error::Damaged { path, reason });
        }
        Ok(record)
    }
}

fn moment_file(index: usize) -> String {
    format!("moment-{index}.safetensors")
}

/// A file of tensors that is not what it should be.
pub(crate) fn damaged(path: &Path, error: &tensors::TensorsError) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
