//! The key that signs a run's certificates.

use crate::certificate::KeyIdentity;
use crate::disk::{self, Access, DiskError, io_error};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand::TryRng;
use rand::rngs::SysRng;
use rescind_data::Digest;
use std::path::{Path, PathBuf};

/// Where the key lies in a run directory.
const FILE: &str = "private/signing.key";

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Others can read the key.
    #[error(
        "{path} can be read by others (mode {mode:o}): anyone may have copied it and sign in your \
         name. If nobody did, set its mode to 600; else start a new run"
    )]
    NotPrivate {
        /// The key file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is not a key.
    #[error("{path} is not a signing key (64 hexadecimal digits): restore it from a copy")]
    Damaged {
        /// The key file.
        path: PathBuf,
    },
    /// The operating system's generator did not answer.
    #[error("the operating system's random generator failed ({reason}): no key was made")]
    NoRandomness {
        /// What it said.
        reason: String,
    },
}

/// A run's Ed25519 key.
pub(crate) struct RunKey(SigningKey);

impl RunKey {
    /// Reads the key of a run; makes one on first use, readable by its owner only.
    pub(crate) fn of(run: &Path) -> Result<Self, KeyError> {
        let path = run.join(FILE);
        if path.exists() {
            return Self::read(&path);
        }
        let mut seed = [0; 32];
        SysRng
            .try_fill_bytes(&mut seed)
            .map_err(|error| KeyError::NoRandomness {
                reason: error.to_string(),
            })?;
        disk::folder(&run.join("private"), Access::Private)?;
        let text = format!("{}\n", Digest::from(seed));
        disk::replace(&path, text.as_bytes(), Access::Private)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads the key of a run that has one.
    pub(crate) fn existing(run: &Path) -> Result<Self, KeyError> {
        Self::read(&run.join(FILE))
    }

    fn read(path: &Path) -> Result<Self, KeyError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = std::fs::metadata(path).map_err(io_error(path, "read this key"))?;
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyError::NotPrivate {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        let text = std::fs::read_to_string(path).map_err(io_error(path, "read this key"))?;
        let seed: Digest = text.trim_end().parse().map_err(|_| KeyError::Damaged {
            path: path.to_owned(),
        })?;
        Ok(Self(SigningKey::from_bytes(seed.as_bytes())))
    }

    pub(crate) fn identity(&self) -> KeyIdentity {
        let public_key = Digest::from(self.0.verifying_key().to_bytes());
        KeyIdentity {
            algorithm: "ed25519".to_owned(),
            fingerprint: fingerprint(&public_key),
            public_key,
        }
    }

    /// 128 hexadecimal digits.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let bytes = self.0.sign(message).to_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Eight groups of four hexadecimal digits: the first 128 bits of the key's BLAKE3 hash.
pub(crate) fn fingerprint(public_key: &Digest) -> String {
    let hash = blake3::hash(public_key.as_bytes()).to_hex();
    let groups: Vec<String> = hash
        .as_bytes()
        .chunks(4)
        .take(8)
        .map(|g| String::from_utf8_lossy(g).into_owned())
        .collect();
    groups.join("-")
}

/// Whether `signature` (in hexadecimal) signs `message` under the key. Weak keys and malleable
/// signatures are refused.
pub(crate) fn signs(public_key: &Digest, message: &[u8], signature: &str) -> bool {
    let bytes: Option<Vec<u8>> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok())
        .collect();
    let key = VerifyingKey::from_bytes(public_key.as_bytes());
    let signature = bytes.and_then(|bytes| Signature::from_slice(&bytes).ok());
    match (key, signature) {
        (Ok(key), Some(signature)) => key.verify_strict(message, &signature).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_for_the_owner_only() {
        let run = tempfile::tempdir().unwrap();
        let first = RunKey::of(run.path()).unwrap();
        let again = RunKey::of(run.path()).unwrap();
        assert_eq!(first.identity(), again.identity());
        let other = tempfile::tempdir().unwrap();
        assert_ne!(
            RunKey::of(other.path()).unwrap().identity(),
            first.identity()
        );

        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = run.path().join(FILE);
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(
                RunKey::of(run.path()),
                Err(KeyError::NotPrivate { mode: 0o640, .. })
            ));
        }
    }

    #[test]
    fn signatures_hold_for_key_and_message() {
        let run = tempfile::tempdir().unwrap();
        let key = RunKey::of(run.path()).unwrap();
        let (public, signature) = (key.identity().public_key, key.sign(b"message"));
        assert!(signs(&public, b"message", &signature));
        assert!(!signs(&public, b"massage", &signature));
        assert!(!signs(&public, b"message", &signature[..126]));
        assert!(!signs(&public, b"message", "zz"));
        assert!(!signs(&Digest::from([0; 32]), b"message", &signature));
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let run = tempfile::tempdir().unwrap();
        disk::folder(&run.path().join("private"), Access::Private).unwrap();
        disk::replace(&run.path().join(FILE), b"not a key", Access::Private).unwrap();
        assert!(matches!(
            RunKey::of(run.path()),
            Err(KeyError::Damaged { .. })
        ));
        assert!(RunKey::existing(&run.path().join("nowhere")).is_err());
    }
}
