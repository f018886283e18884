//! The files of a run outside `private/`, but for its releases and its ledger.

use super::config::Written;
use crate::error::Error;
use crate::json;
use rescind_certificate::digest_of;
use rescind_data::Digest;
use serde::Deserialize;
use std::path::Path;

pub(super) const FORMAT: u32 = 2;
pub(super) const CONFIG: &str = "run.json";
pub(super) const MANIFEST: &str = "manifest.json";
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

/// Refuses a folder that holds a run or anything that is not left of making one.
pub(super) fn check_vacant(root: &Path) -> Result<(), Error> {
    if root.join(CONFIG).exists() {
        return Err(Error::RunExists {
            path: root.to_owned(),
        });
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
            "lock",
            "private",
            "ledger.sqlite",
            "ledger.sqlite-journal",
            MANIFEST,
            MODEL,
            CENTRE,
        ];
        let name = name.strip_suffix(".partial").unwrap_or(&name);
        if !ours.contains(&name) && name != CONFIG {
            return Err(Error::NotEmpty {
                path: root.to_owned(),
            });
        }
    }
    Ok(())
}
