//! Unmaking runs that came to nothing.

use super::Run;
use super::files::{CENTRE, CONFIG, MODEL};
use crate::disk;
use crate::error::Error;

impl Run {
    /// Removes what was made of a run whose training failed, so that it is not in the way of the
    /// next try. The folder stays.
    ///
    /// # Errors
    /// [`Error::RunExists`] where training has ended or a request was answered; what the system
    /// refuses.
    pub fn discard(self) -> Result<(), Error> {
        let root = self.setup.root.clone();
        if self.is_trained() || self.ledger.history().request_count() > 0 {
            return Err(Error::RunExists { path: root });
        }
        // From here on it is no run.
        disk::remove_file(&root.join(CONFIG))?;
        drop(self.ledger);
        for file in ["ledger.sqlite", MODEL, CENTRE] {
            let path = root.join(file);
            if path.exists() {
                disk::remove_file(&path)?;
            }
        }
        Ok(disk::remove(&root.join("private"))?)
    }
}
