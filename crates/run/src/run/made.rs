//! What a run was made of, and whether it still is.

use super::files::{CENTRE, MANIFEST, MODEL};
use crate::disk;
use crate::error::Error;
use crate::ledger::{Ledger, MadeEntry};
use rescind_certificate::digest_of;
use rescind_data::Digest;
use std::path::Path;

/// The files of a run that is made now, but for `run.json`, which is written last.
pub(super) fn of_files(
    root: &Path,
    configuration: Digest,
    centred: bool,
    imported: bool,
    noise: Digest,
) -> Result<MadeEntry, Error> {
    let digest = |name: &str| disk::read(&root.join(name)).map(|bytes| digest_of(&bytes));
    Ok(MadeEntry {
        configuration,
        description: digest(MODEL)?,
        centre: centred.then(|| digest(CENTRE)).transpose()?,
        manifest: digest(MANIFEST)?,
        imported,
        noise,
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
) -> Result<MadeEntry, Error> {
    let Some(made) = ledger.history().made() else {
        return Err(ledger.altered("it does not say what the run was made of".to_owned()))?;
    };
    let found = of_files(root, configuration, centred, made.imported, made.noise)?;
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
        None => Ok(found),
        Some((name, found, made)) => Err(Error::not_as_made(root.join(name), found, made)),
    }
}
