//! The open desk, which whoever takes calls and whoever works on models share.

use crate::error::ServiceError;
use crate::limiter::Limiter;
use crate::marker::Marker;
use crate::notice::Notice;
use crate::queue;
use crate::secret::{self, Of, Secret};
use crate::settings::Settings;
use crate::store::{Place, Store};
use crate::words::said;
use rescind::Code;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Name of the database's file in the desk's folder.
pub(crate) const DATABASE: &str = "desk.sqlite";

/// Locked while a process runs a desk whose database is a file: it alone works on the models.
const LOCK: &str = "desk.lock";

/// An open desk.
pub(crate) struct Desk {
    pub store: Store,
    pub secret: Arc<Secret>,
    pub settings: Settings,
    pub limiter: Limiter,
    ends: AtomicBool,
    /// The thread that ended by a fault of the program, where one did.
    lost: OnceLock<&'static str>,
    /// The system releases it when the process ends, however it ends.
    _lock: Option<File>,
}

impl Desk {
    /// Opens the desk in its folder, to run it.
    pub fn open(settings: Settings) -> Result<Arc<Self>, ServiceError> {
        make_private(&settings.folder)?;
        let lock = match settings.database {
            None => Some(locked(&settings.folder)?),
            Some(_) => None,
        };
        let (secret, store) = opened(&settings.folder, settings.database.as_deref(), || Ok(()))?;
        if lock.is_some() {
            // Whoever held one has died.
            store.write_here(queue::end_leases)?;
        }
        Ok(Self::of(settings, secret, store, lock))
    }

    /// Opens a desk that is there, to work on models that its own processes do not have. It may be
    /// running.
    pub fn open_beside(settings: Settings) -> Result<Arc<Self>, ServiceError> {
        expect_key(&settings.folder)?;
        let (secret, store) = parts(&settings.folder, settings.database.as_deref())?;
        Ok(Self::of(settings, secret, store, None))
    }

    fn of(settings: Settings, secret: Secret, store: Store, lock: Option<File>) -> Arc<Self> {
        Arc::new(Self {
            store,
            secret: Arc::new(secret),
            limiter: Limiter::new(settings.limits),
            settings,
            ends: AtomicBool::new(false),
            lost: OnceLock::new(),
            _lock: lock,
        })
    }

    /// Tells whoever runs the desk.
    pub fn tell(&self, notice: &Notice) {
        (self.settings.hears)(notice);
    }

    /// Tells of something that went wrong with a model, or with the desk itself.
    pub fn tell_of(&self, of: &str, error: &ServiceError) {
        self.tell(&Notice::Trouble {
            of: of.to_owned(),
            code: error.code().to_string(),
            detail: said(error),
        });
    }

    /// Whether it is to end.
    pub fn is_ending(&self) -> bool {
        if (self.settings.ends)() {
            self.end();
        }
        if let Some(thread) = self.store.lost() {
            self.breaks(thread);
        }
        self.ends.load(Ordering::Relaxed)
    }

    /// Has it end, as this thread ended by a fault of the program.
    pub fn breaks(&self, thread: &'static str) {
        if self.lost.set(thread).is_ok() {
            self.tell_of("desk", &ServiceError::ThreadLost { thread });
        }
        self.end();
    }

    /// Refuses a desk that has lost a thread.
    pub fn expect_whole(&self) -> Result<(), ServiceError> {
        match self.lost.get() {
            None => Ok(()),
            Some(&thread) => Err(ServiceError::ThreadLost { thread }),
        }
    }

    /// Has it end.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// Refuses a folder that holds no desk's key.
pub(crate) fn expect_key(folder: &Path) -> Result<(), ServiceError> {
    let path = folder.join(secret::FILE);
    match path.exists() {
        true => Ok(()),
        false => Err(ServiceError::Key {
            path,
            reason: "there is no desk's key: name the folder of a desk that rescind serve was started \
                     with (--desk); on another machine, copy its desk.key there",
        }),
    }
}

/// Key and database of the desk in a folder, made where there are none. The desk may be running: then
/// the tables stay as they are.
pub(crate) fn parts(
    folder: &Path,
    database: Option<&str>,
) -> Result<(Secret, Store), ServiceError> {
    make_private(folder)?;
    opened(folder, database, || match database {
        None => locked(folder).map(Some),
        Some(_) => Ok(None),
    })
}

/// The same; `alone` makes sure that no other process runs it before its tables are changed.
fn opened<T>(
    folder: &Path,
    database: Option<&str>,
    alone: impl FnOnce() -> Result<T, ServiceError>,
) -> Result<(Secret, Store), ServiceError> {
    let place = match database {
        None => Place::File(folder.join(DATABASE)),
        Some(address) => Place::Server(address.to_owned()),
    };
    let had = Marker::read(folder)?;
    // Not even a file is made in place of the one that was there.
    if let (Some(had), Place::File(path)) = (&had, &place)
        && !path.exists()
    {
        return Err(had.refusal(&place));
    }
    let store = Store::open(&place, |is_empty| match &had {
        Some(had) if is_empty => Err(had.refusal(&place)),
        _ => alone(),
    })?;
    let path = folder.join(secret::FILE);
    // A new key would open nothing that is there, and stand where the right one belongs.
    if !path.exists() && store.read_here(queue::has_identity)? {
        return Err(ServiceError::Key {
            path,
            reason: "is gone, and the desk's database was made with it: copy the desk.key of the \
                     machine that made it, or restore it",
        });
    }
    let secret = Secret::open_or_make(folder)?;
    let identity = secret.hash(Of::Desk, b"");
    let known = store.write_here(move |db| queue::identity(db, &identity))?;
    if !secret.is(Of::Desk, b"", &known) {
        return Err(ServiceError::Key {
            path: folder.join(secret::FILE),
            reason: "is not the key that the desk's database was made with: copy the desk.key of the \
                     machine that made it, or restore it",
        });
    }
    let fresh = secret::fresh_name()?;
    let name = store.write_here(move |db| queue::name(db, &fresh))?;
    if let Some(had) = had.filter(|had| had.name != name) {
        return Err(had.refusal(&place));
    }
    Marker::write(folder, &name, &place)?;
    Ok((secret, store))
}

fn locked(folder: &Path) -> Result<File, ServiceError> {
    let path = folder.join(LOCK);
    let io = |source| ServiceError::Io {
        path: path.clone(),
        action: "lock it",
        source,
    };
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServiceError::refused(
            Code::Busy,
            format!(
                "another process runs the desk in {}: end it first. Several processes share a desk \
                 whose database is PostgreSQL (--database)",
                folder.display()
            ),
        )),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Makes a folder that its owner alone can look into, unless it is there.
fn make_private(folder: &Path) -> Result<(), ServiceError> {
    let io = |source| ServiceError::Io {
        path: folder.to_owned(),
        action: "make it",
        source,
    };
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(io)
}
