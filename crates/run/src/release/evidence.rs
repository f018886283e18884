//! The measurements of releases, one private file each.

use super::error::ReleaseError;
use crate::disk::{self, Access};
use rescind_certificate::{EvidenceRecord, digest_of};
use rescind_data::Digest;
use std::path::{Path, PathBuf};

const FOLDER: &str = "private/evidence";

/// Where the measurements of a release lie.
pub(crate) fn place(run: &Path, release: u64) -> PathBuf {
    run.join(FOLDER).join(format!("{release:06}.json"))
}

/// Writes the measurements of a release in one step, before the ledger makes it: a release that is
/// made has them. What a crash leaves of one that is not made is overwritten by the next of its
/// number, and names a certificate that nobody has. Their digest is for the ledger.
pub(super) fn keep(run: &Path, evidence: &EvidenceRecord) -> Result<Digest, ReleaseError> {
    disk::folder(&run.join(FOLDER), Access::Private)?;
    let text = evidence.to_json()?;
    disk::replace(
        &place(run, evidence.release),
        text.as_bytes(),
        Access::Private,
    )?;
    Ok(digest_of(text.as_bytes()))
}
