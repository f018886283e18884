//! Folders that runs are made in.

use super::files::check_vacant;
use crate::error::Error;
use crate::json::{self, Access};
use crate::lock::Lock;
use std::path::{Path, PathBuf};

/// A folder that a run may be made in, and its lock. Unless the run is made, the folder is left as it was
/// found, or not at all.
pub(super) struct Vacant {
    lock: Option<Lock>,
    /// Folders that were not there, the innermost first.
    new: Vec<PathBuf>,
}

impl Vacant {
    pub fn take(root: &Path) -> Result<Self, Error> {
        let private = root.join("private");
        let absent = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let new = private.ancestors().take_while(absent);
        let mut vacant = Self {
            lock: None,
            new: new.map(Path::to_owned).collect(),
        };
        json::folder(root, Access::Open)?;
        // Nothing is put into a folder of something else, not even a lock.
        check_vacant(root)?;
        json::folder(&private, Access::Private)?;
        vacant.lock = Some(Lock::take(root)?);
        check_vacant(root)?;
        Ok(vacant)
    }

    /// The lock of the folder, in which the run is made from here on.
    pub fn into_lock(mut self) -> Option<Lock> {
        self.new.clear();
        self.lock.take()
    }
}

impl Drop for Vacant {
    fn drop(&mut self) {
        if let (Some(lock), Some(private)) = (&self.lock, self.new.first()) {
            lock.remove(private);
        }
        for folder in &self.new {
            // One that holds anything stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}
