//! The folder of a comparison.

use super::config::ORIGINAL;
use super::{Cell, CompareError, Comparison};
use crate::owner_only;
use serde::Serialize;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const COMPARISON: &str = "comparison.json";
const CELLS: &str = "cells";
const SEEDS: &str = "seeds";

pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder for this comparison, or makes it. One where another comparison came to
    /// nothing is taken over.
    pub fn open(root: &Path, comparison: &Comparison) -> Result<Self, CompareError> {
        // What whoever asked calls by a link is meant.
        let root = &fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let folder = Folder {
            root: root.to_owned(),
        };
        let path = root.join(COMPARISON);
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<Comparison>(&bytes) {
                Ok(there) if there == *comparison => make(root)?,
                _ if folder.is_begun()? => {
                    let path = root.to_owned();
                    return Err(CompareError::OtherComparison { path });
                }
                _ => {
                    remove(&root.join(SEEDS))?;
                    replace_json(&path, comparison)?;
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let entries = names(root)?;
                // What a crash may leave of the first file.
                let ours = |name: &String| name.contains(COMPARISON) && name.starts_with('.');
                if !entries.iter().all(ours) {
                    let path = root.to_owned();
                    return Err(CompareError::NotEmpty { path });
                }
                make(root)?;
                replace_json(&path, comparison)?;
            }
            Err(error) => return Err(failed(&path, "read it")(error)),
        }
        make(&root.join(CELLS))?;
        make(&root.join(SEEDS))?;
        Ok(folder)
    }

    /// Whether anything is done: a cell, or a run to make cells of.
    fn is_begun(&self) -> Result<bool, CompareError> {
        if !names(&self.root.join(CELLS))?.is_empty() {
            return Ok(true);
        }
        let seeds = self.root.join(SEEDS);
        let run = |seed: &String| seeds.join(seed).join(ORIGINAL).join("run.json");
        Ok(names(&seeds)?.iter().any(|seed| run(seed).exists()))
    }

    fn cell_path(&self, seed: u64, method: &str) -> PathBuf {
        self.root.join(CELLS).join(format!("{seed}-{method}.json"))
    }

    /// A cell that is done. A damaged file counts as not done.
    pub fn cell(&self, seed: u64, method: &str) -> Option<Cell> {
        let bytes = fs::read(self.cell_path(seed, method)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps a cell, in one step.
    pub fn keep(&self, cell: &Cell) -> Result<(), CompareError> {
        replace_json(&self.cell_path(cell.seed, &cell.method), cell)
    }

    /// The folder of a run of this seed.
    pub fn run(&self, seed: u64, name: &str) -> PathBuf {
        self.root.join(SEEDS).join(seed.to_string()).join(name)
    }

    /// Where a file of results lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts a file of results in place of the old one.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), CompareError> {
        replace(&self.path(name), bytes)
    }
}

pub(super) fn make(path: &Path) -> Result<(), CompareError> {
    owner_only::folder(path).map_err(failed(path, "make the folder"))
}

/// What lies in a folder; nothing if it is not there.
fn names(folder: &Path) -> Result<Vec<String>, CompareError> {
    let list = || {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
        };
        entries.map(name).collect()
    };
    list().map_err(failed(folder, "list it"))
}

/// Removes a folder and all in it, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), CompareError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(path, "remove it")(error))
        }
        _ => Ok(()),
    }
}

pub(super) fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), CompareError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| failed(path, "encode it")(std::io::Error::other(error)))?;
    replace(path, &bytes)
}

pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CompareError> {
    owner_only::replace(path, bytes).map_err(failed(path, "write it"))
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> CompareError {
    let path = path.to_owned();
    move |source| CompareError::Io {
        path,
        action,
        source,
    }
}
