//! The files of a run: its settings, its model, its manifest.

use super::config::Written;
use crate::error::Error;
use crate::json::{self, Access};
use crate::ledger::SUPER_JOURNAL;
use rescind_certificate::digest_of;
use rescind_data::{Digest, Manifest};
use serde::Deserialize;
use std::fs::File;
use std::path::Path;

pub(super) const FORMAT: u32 = 2;
pub(super) const CONFIG: &str = "run.json";
pub(super) const MANIFEST: &str = "private/manifest";
pub(super) const MODEL: &str = "model.json";
pub(super) const CENTRE: &str = "centre.safetensors";

/// Reads `run.json`; its digest besides.
pub(super) fn read_config(root: &Path) -> Result<(Written, Digest), Error> {
    let path = root.join(CONFIG);
    if !path.exists() {
        return Err(Error::NoRun {
            path: root.to_owned(),
        });
    }
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let bytes = json::read(&path)?;
    let Version { format } = json::parse(&path, &bytes)?;
    if format != FORMAT {
        return Err(Error::Format {
            path,
            found: format,
            expected: FORMAT,
        });
    }
    Ok((json::parse(&path, &bytes)?, digest_of(&bytes)))
}

/// Who the records of a run are.
pub(crate) fn open_manifest(root: &Path) -> Result<Manifest, Error> {
    let path = root.join(MANIFEST);
    let file = File::open(&path).map_err(json::io_error(&path, "read it"))?;
    Manifest::open(file).map_err(|error| Error::Damaged {
        path,
        reason: error.to_string(),
    })
}

pub(super) fn write_manifest(root: &Path, manifest: &Manifest) -> Result<(), Error> {
    let bytes = manifest.to_bytes()?;
    let path = root.join(MANIFEST);
    Ok(json::replace(&path, &bytes, Access::Private)?)
}

/// Refuses a folder that holds a run or anything that is not left of making one.
pub(super) fn check_vacant(root: &Path) -> Result<(), Error> {
    if root.join(CONFIG).exists() {
        return Err(Error::RunExists {
            path: root.to_owned(),
        });
    }
    // What only a run has that was trained or used: another would take it for its own.
    for kept in ["early", "evidence", "kept", "reference", "staging"] {
        let path = root.join("private").join(kept);
        if path.exists() {
            return Err(Error::NotEmpty { path });
        }
    }
    let entries = std::fs::read_dir(root).map_err(json::io_error(root, "list it"))?;
    for entry in entries {
        let name = entry.map_err(json::io_error(root, "list it"))?.file_name();
        let name = name.to_string_lossy();
        if name == CONFIG {
            return Err(Error::RunExists {
                path: root.to_owned(),
            });
        }
        let ours = [
            "private",
            "ledger.sqlite",
            "ledger.sqlite-journal",
            MODEL,
            CENTRE,
        ];
        let name = name.strip_suffix(".partial").unwrap_or(&name);
        let of_a_commit = name.starts_with(SUPER_JOURNAL);
        if !ours.contains(&name) && name != CONFIG && !of_a_commit {
            return Err(Error::NotEmpty {
                path: root.to_owned(),
            });
        }
    }
    Ok(())
}
