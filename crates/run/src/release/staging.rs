//! A release folder that is not a release yet.

use super::error::ReleaseError;
use crate::disk::{self, Access};
use crate::ledger::staging_folder;
use rescind_certificate::{Certificate, ReleasedFile};
use std::path::{Path, PathBuf};

/// The files of a release, without its certificate.
pub(super) struct Files(Vec<(&'static str, Vec<u8>)>);

impl Files {
    /// The point at which the model is linearised is among them, if it is.
    pub(super) fn new(weights: Vec<u8>, centre: Option<Vec<u8>>, model: Vec<u8>) -> Self {
        let centre = centre.map(|bytes| ("centre.safetensors", bytes));
        let always = [("weights.safetensors", weights), ("model.json", model)];
        Self(always.into_iter().chain(centre).collect())
    }

    /// Their names and digests.
    pub(super) fn named(&self) -> Vec<ReleasedFile> {
        let files = self.0.iter();
        files
            .map(|(name, bytes)| ReleasedFile::new(name, bytes))
            .collect()
    }

    /// Writes them where only the owner looks, with the certificate (`document` is its file) and its
    /// renderings, and waits until they are on disk.
    pub(super) fn stage(
        &self,
        run: &Path,
        certificate: &Certificate,
        document: &str,
    ) -> Result<PathBuf, ReleaseError> {
        let folder = staging_folder(run, certificate.release);
        disk::remove(&folder)?;
        disk::folder(&folder, Access::Private)?;
        let (text, markdown) = (certificate.to_string(), certificate.to_markdown());
        let about = [
            ("certificate.json", document),
            ("certificate.txt", &text),
            ("certificate.md", &markdown),
        ];
        let about = about.map(|(name, text)| (name, text.as_bytes()));
        let files = self.0.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
        let mut written = Vec::new();
        for (name, bytes) in files.chain(about) {
            let path = folder.join(name);
            disk::write(&path, bytes, Access::Private)?;
            written.push(path);
        }
        // Copies keep these times: to the second they would tell how long a request took.
        disk::date(&folder, certificate.released_on.midnight())?;
        disk::sync(&folder, &written)?;
        Ok(folder)
    }
}
