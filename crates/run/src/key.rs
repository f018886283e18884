//! The key that signs a run's certificates.

use crate::disk::{self, Access, DiskError, io_error};
use ed25519_dalek::{Signer, SigningKey};
use rand::TryRng;
use rand::rngs::SysRng;
use rescind_certificate::{KeyIdentity, fingerprint};
use rescind_data::Digest;
use std::path::{Path, PathBuf};

/// Where the key lies in a run directory.
const FILE: &str = "private/signing.key";
/// Where one lies that is to take its place.
const NEXT: &str = "private/next.key";

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
         name. If nobody did, set its mode to 600; else put another in its place (rescind amend RUN \
         --new-key)"
    )]
    NotPrivate {
        /// The key file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key is gone.
    #[error(
        "{path} is gone: it signs this run's certificates, and another would be a stranger's to \
         whoever checks them. Restore it from a copy; where there is none, put another in its place \
         on purpose (rescind amend RUN --new-key)"
    )]
    Missing {
        /// The key file.
        path: PathBuf,
    },
    /// The key is another.
    #[error(
        "{path} is the key {found}, but {expected} signed this run's releases: restore that one \
         from a copy; where there is none, put another in its place on purpose (rescind amend RUN \
         --new-key)"
    )]
    Replaced {
        /// The key file.
        path: PathBuf,
        /// Its fingerprint.
        found: String,
        /// Fingerprint of the key that signed.
        expected: String,
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
pub struct RunKey(SigningKey);

impl RunKey {
    /// Makes the key of a new run, readable by its owner only, in place of any that lies there.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn create(run: &Path) -> Result<Self, KeyError> {
        Self::drawn(&run.join(FILE))
    }

    /// Makes a key that is to take the place of the run's; [`settle`](Self::settle) puts it there
    /// once the ledger names it.
    pub(crate) fn next(run: &Path) -> Result<Self, KeyError> {
        Self::drawn(&run.join(NEXT))
    }

    /// Puts a key made to take the place of the run's there, if the ledger says that `public_key`
    /// signs; what a crash left of making one is removed.
    pub(crate) fn settle(run: &Path, public_key: Option<Digest>) -> Result<(), KeyError> {
        let next = run.join(NEXT);
        if !next.exists() {
            return Ok(());
        }
        match Self::read(&next)?.identity().public_key {
            key if Some(key) == public_key => disk::rename(&next, &run.join(FILE))?,
            _ => std::fs::remove_file(&next).map_err(io_error(&next, "remove it"))?,
        }
        Ok(())
    }

    fn drawn(path: &Path) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        SysRng
            .try_fill_bytes(&mut seed)
            .map_err(|error| KeyError::NoRandomness {
                reason: error.to_string(),
            })?;
        disk::folder(path.parent().unwrap_or(path), Access::Private)?;
        let text = format!("{}\n", Digest::from(seed));
        disk::replace(path, text.as_bytes(), Access::Private)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads the key of a run. One that is gone is not replaced: whoever checks certificates knows
    /// the old one.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(run: &Path) -> Result<Self, KeyError> {
        let path = run.join(FILE);
        match path.exists() {
            true => Self::read(&path),
            false => Err(KeyError::Missing { path }),
        }
    }

    /// Refuses to be the key of a run whose releases another one signed.
    pub(crate) fn must_be(self, signer: &Digest, run: &Path) -> Result<Self, KeyError> {
        let own = self.identity();
        match own.public_key == *signer {
            true => Ok(self),
            false => Err(KeyError::Replaced {
                path: run.join(FILE),
                found: own.fingerprint,
                expected: fingerprint(signer),
            }),
        }
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
        let bytes = disk::read(path)?;
        let seed = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.trim_end().parse::<Digest>().ok())
            .ok_or_else(|| KeyError::Damaged {
                path: path.to_owned(),
            })?;
        Ok(Self(SigningKey::from_bytes(seed.as_bytes())))
    }

    /// Who signs.
    #[must_use]
    pub fn identity(&self) -> KeyIdentity {
        let public_key = Digest::from(self.0.verifying_key().to_bytes());
        KeyIdentity {
            algorithm: "ed25519".to_owned(),
            fingerprint: fingerprint(&public_key),
            public_key,
        }
    }

    /// Ed25519.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rescind_certificate::signs;

    #[test]
    fn made_anew_for_the_owner_only() {
        let run = tempfile::tempdir().unwrap();
        let first = RunKey::create(run.path()).unwrap();
        let again = RunKey::create(run.path()).unwrap();
        assert_ne!(first.identity(), again.identity());
        let read = RunKey::open(run.path()).unwrap();
        assert_eq!(read.identity(), again.identity());
        let other = tempfile::tempdir().unwrap();
        assert_ne!(
            RunKey::create(other.path()).unwrap().identity(),
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
                RunKey::open(run.path()),
                Err(KeyError::NotPrivate { mode: 0o640, .. })
            ));
        }
    }

    #[test]
    fn signatures_hold_for_key_and_message() {
        let run = tempfile::tempdir().unwrap();
        let key = RunKey::create(run.path()).unwrap();
        let (public, signature) = (key.identity().public_key, key.sign(b"message"));
        assert!(signs(&public, b"message", &signature));
        assert!(!signs(&public, b"massage", &signature));
        assert!(!signs(&public, b"message", &signature[..63]));
        assert!(!signs(&public, b"message", b""));
        assert!(!signs(&Digest::from([0; 32]), b"message", &signature));
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let run = tempfile::tempdir().unwrap();
        disk::folder(&run.path().join("private"), Access::Private).unwrap();
        disk::replace(&run.path().join(FILE), b"not a key", Access::Private).unwrap();
        assert!(matches!(
            RunKey::open(run.path()),
            Err(KeyError::Damaged { .. })
        ));
        assert!(matches!(
            RunKey::open(&run.path().join("nowhere")),
            Err(KeyError::Missing { .. })
        ));
    }
}
