//! A release folder that is not a release yet.

use super::error::ReleaseError;
use crate::disk::{self, Access};
use crate::ledger::staging_folder;
use rescind_certificate::Certificate;
use std::path::{Path, PathBuf};

/// The files of a release.
pub(super) struct Files {
    pub(super) weights: Vec<u8>,
    /// The point at which the model is linearised, if it is.
    pub(super) centre: Option<Vec<u8>>,
    pub(super) model: Vec<u8>,
    pub(super) certificate: Vec<u8>,
    pub(super) text: String,
    pub(super) markdown: String,
}

impl Files {
    pub(super) fn new(
        weights: Vec<u8>,
        centre: Option<Vec<u8>>,
        model: Vec<u8>,
        certificate: &Certificate,
    ) -> Result<Self, ReleaseError> {
        Ok(Self {
            weights,
            centre,
            model,
            certificate: certificate.to_json()?.into_bytes(),
            text: certificate.to_string(),
            markdown: certificate.to_markdown(),
        })
    }

    /// Writes them where only the owner looks, and waits until they are on disk.
    pub(super) fn stage(&self, run: &Path, number: u64) -> Result<PathBuf, ReleaseError> {
        let folder = staging_folder(run, number);
        disk::remove(&folder)?;
        disk::folder(&folder, Access::Private)?;
        let centre = self.centre.as_deref();
        let centre = centre.map(|bytes| ("centre.safetensors", bytes));
        let always = [
            ("weights.safetensors", self.weights.as_slice()),
            ("model.json", self.model.as_slice()),
            ("certificate.json", self.certificate.as_slice()),
            ("certificate.txt", self.text.as_bytes()),
            ("certificate.md", self.markdown.as_bytes()),
        ];
        for (name, bytes) in always.into_iter().chain(centre) {
            disk::write(&folder.join(name), bytes, Access::Private)?;
        }
        disk::sync_folder(&folder)?;
        Ok(folder)
    }
}
