//! Completing a certificate: its key and signature.

use super::canonical::{CanonicalError, signed_bytes};
use super::identity::KeyIdentity;
use super::record::Certificate;

impl Certificate {
    /// Names the key, and signs by it: `sign` takes the bytes to sign and gives back the Ed25519
    /// signature as 128 hexadecimal digits.
    ///
    /// # Errors
    /// [`CanonicalError`], which no certificate that was released causes.
    pub fn sealed(
        mut self,
        key: KeyIdentity,
        sign: impl FnOnce(&[u8]) -> String,
    ) -> Result<Self, CanonicalError> {
        self.key = key;
        self.signature = sign(&signed_bytes(&serde_json::to_value(&self)?)?);
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
