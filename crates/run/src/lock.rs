//! One process at a time.

use crate::disk::{self, expect_no_links, expect_own, io_error};
use crate::error::Error;
use crate::ledger::{LedgerError, private_file};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, Write};
use std::path::Path;
use std::time::Duration;

/// Under `private/`: when it was taken says when a request began, which nobody else need know.
const FILE: &str = "private/lock";

/// Held while a process works on a run; the system releases it when the process ends, however it
/// ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a process forked meanwhile may hold it open a while longer.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Lock {
    /// Takes the lock of the run in `root`, in which nothing may be a link.
    ///
    /// # Errors
    /// [`Error::Busy`] names the process that holds it; [`LedgerError::Missing`] where there is no
    /// private part at all.
    pub fn take(root: &Path) -> Result<Self, Error> {
        let path = root.join(FILE);
        expect_own(&path)?;
        let own = ["private", "releases", "ledger.sqlite"];
        expect_no_links(&own.map(|name| root.join(name)))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(LedgerError::Missing {
                    path: private_file(root),
                }
                .into());
            }
            opened => opened.map_err(io_error(&path, "open it"))?,
        };
        // A glance at the lock (see `holder`) lasts a moment; work outlasts this patience.
        let mut patience = 20;
        loop {
            match file.try_lock() {
                // Removed by its holder, it is the lock of nothing.
                Ok(()) if is_gone(&file, &path) => {
                    return Err(Error::Busy {
                        path: root.to_owned(),
                        holder: written(&path),
                    });
                }
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if patience > 0 => {
                    patience -= 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Busy {
                        path: root.to_owned(),
                        holder: written(&path),
                    });
                }
                Err(TryLockError::Error(e)) => return Err(io_error(&path, "lock it")(e).into()),
            }
        }
        let mut note = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            file.flush()
        };
        note().map_err(io_error(&path, "write it"))?;
        Ok(Lock(file))
    }

    /// Removes the lock, whose holder made the `private` folder that it lies in: nobody else had one
    /// there. Whoever waits for it finds that it is gone.
    pub fn remove(&self, private: &Path) {
        if let Some(name) = Path::new(FILE).file_name() {
            let _ = std::fs::remove_file(private.join(name));
        }
    }

    /// The process that works on the run in `root`, if one does.
    pub fn holder(root: &Path) -> Option<String> {
        let path = root.join(FILE);
        expect_own(&path).ok()?;
        let file = File::open(&path).ok()?;
        let glance = file.try_lock_shared();
        let _ = file.unlock();
        matches!(glance, Err(TryLockError::WouldBlock)).then(|| written(&path))
    }
}

/// Whether another file, or none, has the name that a file had when it was opened.
fn is_gone(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let place = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let own = file.metadata().map(place).ok();
        own.is_some() && std::fs::metadata(path).map(place).ok() != own
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        false
    }
}

/// What the holder of a lock wrote down about itself.
fn written(path: &Path) -> String {
    let holder = disk::read(path).unwrap_or_default();
    match String::from_utf8_lossy(&holder).trim() {
        "" => "unknown".to_owned(),
        pid => pid.to_owned(),
    }
}
