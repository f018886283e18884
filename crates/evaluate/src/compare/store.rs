//! The folder of a comparison.

use super::{Cell, CompareError, Comparison};
use crate::owner_only;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder for this comparison, or makes it.
    pub fn open(root: &Path, comparison: &Comparison) -> Result<Self, CompareError> {
        let folder = Folder {
            root: root.to_owned(),
        };
        make(&root.join("cells"))?;
        make(&root.join("seeds"))?;
        let path = root.join("comparison.json");
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<Comparison>(&bytes) {
                Ok(there) if there == *comparison => {}
                _ => {
                    let path = root.to_owned();
                    return Err(CompareError::OtherComparison { path });
                }
            },
            Err(_) => replace_json(&path, comparison)?,
        }
        Ok(folder)
    }

    fn cell_path(&self, seed: u64, method: &str) -> PathBuf {
        self.root
            .join("cells")
            .join(format!("{seed}-{method}.json"))
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
        self.root.join("seeds").join(seed.to_string()).join(name)
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
    fs::create_dir_all(path).map_err(failed(path, "make the folder"))
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

fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), CompareError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| failed(path, "encode it")(std::io::Error::other(error)))?;
    replace(path, &bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), CompareError> {
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
