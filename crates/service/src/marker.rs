//! What the desk's folder knows of its database: that it had one, and which.
//!
//! A desk whose database is lost, or that is started without the address of the one it has, would take
//! itself for a new one, and nobody would notice that requests are missing.

use crate::error::ServiceError;
use crate::store::Place;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Its file's name in the desk's folder.
const FILE: &str = "desk.database";

/// The name of the database that the desk has, and what kind it is of; none before it had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub name: String,
    kind: String,
}

fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> ServiceError {
    let path = path.to_owned();
    move |source| ServiceError::Io {
        path,
        action,
        source,
    }
}

fn kind_of(place: &Place) -> &'static str {
    match place {
        Place::File(_) => "sqlite",
        Place::Server(_) => "postgresql",
    }
}

impl Marker {
    /// Reads it.
    pub fn read(folder: &Path) -> Result<Option<Self>, ServiceError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&path, "read it")(error)),
        };
        let (name, kind) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let (name, kind) = (name.to_owned(), kind.to_owned());
        Ok(Some(Self { name, kind }))
    }

    /// Writes it down, where it is not yet. A folder that is not written to is left as it is: it is a copy,
    /// for a program that works on the desk's models elsewhere.
    pub fn write(folder: &Path, name: &str, place: &Place) -> Result<(), ServiceError> {
        let kind = kind_of(place);
        let known = Self::read(folder)?;
        if known.is_some_and(|known| known.name == name && known.kind == kind) {
            return Ok(());
        }
        let (path, new) = (folder.join(FILE), folder.join("desk.database.new"));
        let written = (|| {
            let mut file = File::create(&new)?;
            file.write_all(format!("{name} {kind}\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(folder)?.sync_all()
        })();
        match written {
            Err(error)
                if [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem]
                    .contains(&error.kind()) =>
            {
                Ok(())
            }
            written => written.map_err(io(&path, "write it")),
        }
    }

    /// Why another database, or an empty one, is refused.
    pub fn refusal(&self, place: &Place) -> ServiceError {
        let had = match &*self.kind {
            "postgresql" => "a PostgreSQL database (--database, or RESCIND_DATABASE)",
            _ => "an SQLite file beside its key, desk.sqlite",
        };
        let found = match place {
            Place::File(_) => "no such file is there, or another desk's",
            Place::Server(_) => "the one given is empty, or another desk's",
        };
        ServiceError::Queue {
            action: "is not the one that it has",
            reason: format!(
                "the desk has {had}; {found}. Give its address, or restore it from a copy; what was \
                 received since that copy is to be asked again. To begin anew, with none of its \
                 requests, remove {FILE} from the desk's folder"
            ),
            passing: false,
        }
    }
}
