//! What a run was made of, and whether it still is.

use super::files::{CENTRE, MANIFEST, MODEL, open_manifest};
use crate::disk;
use crate::error::Error;
use crate::ledger::{Ledger, MadeEntry};
use rescind_certificate::digest_of;
use rescind_data::{Digest, Manifest};
use std::path::Path;

/// What a run was made of, with the content of its files, each read once, and its manifest, opened.
pub(super) struct Made {
    pub entry: MadeEntry,
    /// Of `model.json`.
    pub description: Vec<u8>,
    /// Of `centre.safetensors`, where there is one.
    pub centre: Option<Vec<u8>>,
    /// Who the records are.
    pub manifest: Manifest,
}

/// The files of a run that is made now, but for `run.json`, which is written last.
pub(super) fn of_files(
    root: &Path,
    configuration: Digest,
    centred: bool,
    imported: bool,
    noise: Digest,
) -> Result<Made, Error> {
    let read = |name: &str| disk::read(&root.join(name));
    let (description, manifest) = (read(MODEL)?, open_manifest(root)?);
    let centre = centred.then(|| read(CENTRE)).transpose()?;
    Ok(Made {
        entry: MadeEntry {
            configuration,
            description: digest_of(&description),
            centre: centre.as_deref().map(digest_of),
            manifest: manifest.root(),
            imported,
            noise,
        },
        description,
        centre,
        manifest,
    })
}

/// What the run was made of, once it is found to be so still. Refuses a run of which a file is another
/// than the one that its ledger was begun with: training and requests before would speak of something
/// else.
pub(super) fn is_as_made(
    root: &Path,
    configuration: Digest,
    centred: bool,
    ledger: &Ledger,
) -> Result<Made, Error> {
    let Some(made) = ledger.history().made() else {
        return Err(ledger.altered("it does not say what the run was made of".to_owned()))?;
    };
    let read = of_files(root, configuration, centred, made.imported, made.noise)?;
    let found = &read.entry;
    let files = [
        (
            "run.json",
            Some(found.configuration),
            Some(made.configuration),
        ),
        (MODEL, Some(found.description), Some(made.description)),
        (CENTRE, found.centre, made.centre),
        (MANIFEST, Some(found.manifest), Some(made.manifest)),
    ];
    match files.into_iter().find(|(_, found, made)| found != made) {
        None => Ok(read),
        Some((name, found, made)) => Err(Error::not_as_made(root.join(name), found, made)),
    }
}
