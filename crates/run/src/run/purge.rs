//! Discarding what a run keeps of the time before its requests.

use super::Run;
use super::store::Store;
use crate::disk;
use crate::error::Error;
use crate::mark::is_marked;
use serde::Serialize;
use std::fs;
use std::path::Path;

/// How much was discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Private weights from before a request.
    pub iterates: usize,
    /// States of training's early checkpoint.
    pub early: usize,
    /// Retrained models of records that are no longer all retained.
    pub references: usize,
    /// Files that methods kept, such as a preconditioner: made of records forgotten since.
    pub kept: usize,
    /// Reports and figures in the run folder: measurements of records forgotten since.
    pub reports: usize,
}

impl Purged {
    /// Whether there was nothing to discard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Run {
    /// Removes for good all private weights that were computed from records forgotten since: those
    /// from before each request, an early checkpoint, retrained models, and what methods keep; and the
    /// reports in the run folder. To keep these is to keep the people. The weights in force, the ledger, the releases and
    /// their evidence stay. Broken off, it goes on where it stood.
    ///
    /// From then on the model cannot be compared with what it was, releases other than the newest
    /// cannot be audited, and no method goes back to an early checkpoint.
    ///
    /// # Errors
    /// A run without weights; what the system refuses.
    pub fn purge(&mut self) -> Result<Purged, Error> {
        let (current, _) = self.trained()?;
        let number = current.number;
        let mut purged = Purged::default();
        if self.ledger.history().request_count() == 0 {
            return Ok(purged);
        }
        purged.iterates = emptied(&self.setup.store, |at| Ok(at == number))?;
        let identity = self.setup.made.identity();
        let store = |folder: &Path| {
            let there = folder.is_dir();
            there
                .then(|| Store::open(folder.to_owned(), identity))
                .transpose()
        };
        if let Some(early) = store(&self.setup.early())? {
            purged.early = emptied(&early, |_| Ok(false))?;
        }
        if let Some(references) = store(&self.setup.private("reference"))? {
            let retained = self.retained.digest();
            let stays = |at| Ok(references.record(at)?.retained == retained);
            purged.references = emptied(&references, stays)?;
        }
        let kept = self.setup.private("kept");
        if kept.is_dir() {
            let entries = fs::read_dir(&kept).map_err(disk::io_error(&kept, "list it"))?;
            for entry in entries {
                let entry = entry.map_err(disk::io_error(&kept, "list it"))?;
                disk::remove_file(&entry.path())?;
                purged.kept += 1;
            }
            disk::sync_folder(&kept)?;
        }
        purged.reports = self.remove_reports()?;
        if let Ok(mut memory) = self.setup.memory.lock() {
            *memory = None;
        }
        Ok(purged)
    }

    /// Removes what `rescind report` writes into the run folder where it is told no other place.
    fn remove_reports(&self) -> Result<usize, Error> {
        let root = &self.setup.root;
        let mut removed = 0;
        for folder in [root.clone(), root.join("figures")] {
            if !folder.is_dir() {
                continue;
            }
            let entries = fs::read_dir(&folder).map_err(disk::io_error(&folder, "list it"))?;
            let mut own = Vec::new();
            for entry in entries {
                let path = entry.map_err(disk::io_error(&folder, "list it"))?.path();
                // By name first: whoever closes the ledger's file lets go of SQLite's locks on it.
                let ending = path.extension().and_then(|ending| ending.to_str());
                if matches!(ending, Some("html" | "svg" | "png"))
                    && is_marked(&path).map_err(disk::io_error(&path, "read it"))?
                {
                    own.push(path);
                }
            }
            own.iter().try_for_each(|path| disk::remove_file(path))?;
            removed += own.len();
            disk::sync_folder(&folder)?;
        }
        Ok(removed)
    }
}

/// Removes the iterates that do not stay, and what an earlier removal left.
fn emptied(store: &Store, stays: impl Fn(u64) -> Result<bool, Error>) -> Result<usize, Error> {
    store.sweep()?;
    let mut removed = 0;
    for number in store.numbers()? {
        if !stays(number)? {
            store.remove(number)?;
            removed += 1;
        }
    }
    Ok(removed)
}
