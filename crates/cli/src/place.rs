use rescind::word;
use serde::{Serialize, Serializer};
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// Where something lies, as people and JSON are told: a name that is not UTF-8 is shown as well as
/// it can be, and is no reason to fail after the work is done.
#[derive(Clone)]
pub struct Place(PathBuf);

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Place {
    /// As one word of a command that somebody is told to type.
    pub fn word(&self) -> String {
        word(&self.0)
    }
}

impl Deref for Place {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.display())
    }
}
