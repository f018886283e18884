//! Completing a certificate: words, checksums, signature.

use super::assumptions::assumptions;
use super::canonical::{CanonicalError, signed_bytes};
use super::checksums::checksums;
use super::record::Certificate;
use super::statement::statement;
use crate::key::RunKey;

impl Certificate {
    /// Adds everything that follows from the facts, and signs.
    pub(crate) fn sealed(mut self, key: &RunKey) -> Result<Self, CanonicalError> {
        self.statement = statement(&self);
        self.assumptions = assumptions(&self);
        self.key = key.identity();
        self.checksums = checksums(&serde_json::to_value(&self)?);
        self.signature = key.sign(&signed_bytes(&serde_json::to_value(&self)?)?);
        Ok(self)
    }

    /// The file `certificate.json`.
    ///
    /// # Errors
    /// [`serde_json::Error`], which no certificate that was released causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
