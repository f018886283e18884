//! Private iterates on disk: `NNNNNN/` folders, of which the newest counts.

use super::disk::{self, Access};
use crate::Error;
use crate::training::{TrainingProgress, TrainingState};
use rescind_data::{Digest, Selection, Standardisation};
use rescind_network::{Network, Weights};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const FORMAT: u32 = 1;
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
    /// The iterate's number.
    pub number: u64,
    /// The records it is trained on from here.
    pub retained: Selection,
    /// Requests it has answered, in order.
    pub requests: Vec<crate::forgetting::RequestRecord>,
    /// How far training has come.
    pub progress: TrainingProgress,
    /// The scaling of its inputs.
    pub scaling: Standardisation,
    /// BLAKE3 of the files beside this one.
    files: BTreeMap<String, Digest>,
}

impl StateRecord {
    /// The record of a state not yet written.
    pub(crate) fn new(
        retained: Selection,
        requests: Vec<crate::forgetting::RequestRecord>,
        scaling: Standardisation,
    ) -> Self {
        StateRecord {
            format: FORMAT,
            number: 0,
            retained,
            requests,
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
}

/// An iterate that is complete on disk and does not count yet.
pub(crate) struct Staged {
    number: u64,
    /// BLAKE3 of its record, which names the hashes of its other files.
    pub digest: Digest,
}

/// BLAKE3 of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> Result<Digest, Error> {
    let hex = blake3::hash(bytes).to_hex();
    hex.as_str()
        .parse()
        .map_err(|e: rescind_data::DigestError| Error::Damaged {
            path: PathBuf::from("a digest"),
            reason: e.to_string(),
        })
}

impl Store {
    pub fn open(folder: PathBuf) -> Result<Self, Error> {
        disk::folder(&folder, Access::Private)?;
        Ok(Store { folder })
    }

    /// The folder as it is, to read from.
    pub fn at(folder: PathBuf) -> Self {
        Store { folder }
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
        let Ok(bytes) = std::fs::read(&path) else {
            return Ok(None);
        };
        let Ok(record) = disk::parse::<StateRecord>(&path, &bytes) else {
            return Ok(None);
        };
        Ok(Some(Staged {
            number: record.number,
            digest: digest(&bytes)?,
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

    /// Writes an iterate completely, without its counting yet. Gives the record its number.
    pub fn stage(
        &self,
        network: &Network,
        record: &mut StateRecord,
        state: &TrainingState,
    ) -> Result<Staged, Error> {
        let folder = self.folder.join(STAGING);
        disk::remove(&folder)?;
        disk::folder(&folder, Access::Private)?;
        record.number = self.numbers()?.last().map_or(0, |last| last + 1);
        record.progress = state.progress.clone();
        record.files.clear();
        let mut put = |name: String, bytes: Vec<u8>| {
            disk::write(&folder.join(&name), &bytes, Access::Private)?;
            record.files.insert(name, digest(&bytes)?);
            Ok::<(), Error>(())
        };
        put(WEIGHTS.to_owned(), state.weights.to_safetensors(network)?)?;
        if let Some(exact) = &state.exact {
            let (parameters, statistics) = (exact.clone(), network.initial_statistics());
            let exact = Weights {
                parameters,
                statistics,
            };
            put(EXACT.to_owned(), exact.to_safetensors(network)?)?;
        }
        if let Some(best) = &state.best {
            put(BEST.to_owned(), best.to_safetensors(network)?)?;
        }
        for (index, moment) in state.moments.iter().enumerate() {
            let statistics = vec![0.0; network.statistic_count()];
            let moment = Weights {
                parameters: moment.clone(),
                statistics,
            };
            put(moment_file(index), moment.to_safetensors(network)?)?;
        }
        let path = folder.join(RECORD);
        let bytes = disk::json(&path, record)?;
        disk::write(&path, &bytes, Access::Private)?;
        disk::sync_folder(&folder)?;
        Ok(Staged {
            number: record.number,
            digest: digest(&bytes)?,
        })
    }

    /// Makes a staged iterate count.
    pub fn commit(&self, staged: &Staged) -> Result<(), Error> {
        Ok(disk::rename(
            &self.folder.join(STAGING),
            &self.place(staged.number),
        )?)
    }

    /// Removes an iterate.
    pub fn remove(&self, number: u64) -> Result<(), Error> {
        Ok(disk::remove(&self.place(number))?)
    }

    /// Reads an iterate; the newest if no number is given.
    pub fn read(
        &self,
        network: &Network,
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
            let found = digest(&bytes)?;
            if found != *expected {
                let reason = format!("its content has hash {found}, {RECORD} says {expected}");
                return Err(Error::Damaged { path, reason });
            }
            if name == EXACT {
                exact = Some(Weights::from_safetensors(network, &bytes)?.parameters);
            } else {
                weights.insert(name.clone(), Weights::from_safetensors(network, &bytes)?);
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

    /// BLAKE3 of the record of an iterate, which names the hashes of its other files.
    pub fn digest_of(&self, number: u64) -> Result<Digest, Error> {
        digest(&disk::read(&self.place(number).join(RECORD))?)
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
        Ok(record)
    }
}

fn moment_file(index: usize) -> String {
    format!("moment-{index}.safetensors")
}
