//! The desk's key: what names are hidden with, and tokens and contents compared by.
//!
//! 32 random bytes in a file that its owner alone may read. Every use has a key of its own, derived
//! from it, so that what one use shows says nothing about another.

use crate::error::ServiceError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Name of its file in the desk's folder.
pub(crate) const FILE: &str = "desk.key";

/// What a keyed hash is of. Hashes of different things never meet.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// Whom a request names.
    Subject,
    /// A token's secret half.
    Token,
    /// An idempotency key, and what was asked under it.
    Request,
    /// An entry of the audit log.
    Audit,
    /// A form of the dashboard.
    Form,
    /// A session of the dashboard.
    Session,
    /// Where callbacks of a request go.
    Way,
    /// The key itself: what the database knows it by.
    Desk,
}

impl Of {
    fn context(self) -> &'static str {
        match self {
            Self::Subject => "rescind 2026 desk subject v1",
            Self::Token => "rescind 2026 desk token v1",
            Self::Request => "rescind 2026 desk request v1",
            Self::Audit => "rescind 2026 desk audit v1",
            Self::Form => "rescind 2026 desk form v1",
            Self::Session => "rescind 2026 desk session v1",
            Self::Way => "rescind 2026 desk way v1",
            Self::Desk => "rescind 2026 desk identity v1",
        }
    }
}

/// The desk's key.
pub(crate) struct Secret {
    bytes: [u8; 32],
    sealing: LessSafeKey,
}

impl Secret {
    /// Reads the key of the desk in a folder; makes one where there is none.
    pub fn open_or_make(folder: &Path) -> Result<Self, ServiceError> {
        let path = folder.join(FILE);
        let io = |action| {
            let path = path.clone();
            move |source| ServiceError::Io {
                path,
                action,
                source,
            }
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(mut file) => {
                let text = hex(&random::<32>()?) + "\n";
                let written = file.write_all(text.as_bytes());
                written
                    .and_then(|()| file.sync_all())
                    .map_err(io("write it"))?;
                let folder = File::open(folder).and_then(|folder| folder.sync_all());
                folder.map_err(io("make it last"))?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io("make it")(error)),
        }
        Self::read(&path)
    }

    fn read(path: &Path) -> Result<Self, ServiceError> {
        let wrong = |reason| ServiceError::Key {
            path: path.to_owned(),
            reason,
        };
        let io = |source| ServiceError::Io {
            path: path.to_owned(),
            action: "read it",
            source,
        };
        let mut file = File::open(path).map_err(io)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(io)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(wrong(
                    "others can read the desk's key: whoever has it and the database can read the \
                     names in pending requests. If nobody did, close it: chmod 600",
                ));
            }
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io)?;
        let bytes = unhex::<32>(text.trim());
        let bytes = bytes.ok_or_else(|| {
            wrong("the desk's key is not 64 hexadecimal digits: restore it from a copy")
        })?;
        Self::of(bytes)
    }

    fn of(bytes: [u8; 32]) -> Result<Self, ServiceError> {
        let sealing = blake3::derive_key("rescind 2026 desk sealing v1", &bytes);
        let sealing = UnboundKey::new(&AES_256_GCM, &sealing);
        let sealing = sealing.map_err(|_| ServiceError::NoRandomness)?;
        Ok(Self {
            bytes,
            sealing: LessSafeKey::new(sealing),
        })
    }

    /// The keyed hash of something, 64 hexadecimal digits: without the key no guess can be
    /// confirmed.
    pub fn hash(&self, of: Of, content: &[u8]) -> String {
        self.digest(of, content).to_hex().to_string()
    }

    /// Whether something has this keyed hash, in a time that does not tell how nearly.
    pub fn is(&self, of: Of, content: &[u8], hash: &str) -> bool {
        // The comparison of two such hashes takes the same time whatever they are.
        blake3::Hash::from_hex(hash).is_ok_and(|hash| self.digest(of, content) == hash)
    }

    fn digest(&self, of: Of, content: &[u8]) -> blake3::Hash {
        let key = blake3::derive_key(of.context(), &self.bytes);
        blake3::keyed_hash(&key, content)
    }

    /// Encrypts what must be read again, for the place that `place` names: AES-256-GCM under a
    /// random nonce, in base64.
    pub fn seal(&self, place: &str, content: &[u8]) -> Result<String, ServiceError> {
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = content.to_vec();
        let sealed = self.sealing.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place.as_bytes()),
            &mut bytes,
        );
        sealed.map_err(|_| ServiceError::NoRandomness)?;
        Ok(STANDARD_NO_PAD.encode([&nonce[..], &bytes].concat()))
    }

    /// Decrypts it; `None` where it was sealed for another place, under another key, or changed.
    pub fn unseal(&self, place: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
        let (nonce, content) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = content.to_vec();
        let aad = Aad::from(place.as_bytes());
        let opened = self.sealing.open_in_place(nonce, aad, &mut content).ok()?;
        Some(opened.to_vec())
    }

    /// The key that callbacks are signed with, in base64: given to those who receive them.
    pub fn callback_key(&self) -> String {
        let key = blake3::derive_key("rescind 2026 desk callback v1", &self.bytes);
        STANDARD_NO_PAD.encode(key)
    }

    /// HMAC-SHA256 of a callback's text under [`callback_key`](Self::callback_key), in hexadecimal
    /// digits.
    pub fn sign_callback(&self, text: &[u8]) -> String {
        let key = blake3::derive_key("rescind 2026 desk callback v1", &self.bytes);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text);
        hex(tag.as_ref())
    }
}

/// Bytes from the operating system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ServiceError> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| ServiceError::NoRandomness)?;
    Ok(bytes)
}

/// A name that nobody can guess: 32 hexadecimal digits.
pub(crate) fn fresh_name() -> Result<String, ServiceError> {
    Ok(hex(&random::<16>()?))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Of, Secret, hex, unhex};
    use crate::error::ServiceError;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::open_or_make(folder.path()).unwrap();
        let again = Secret::open_or_make(folder.path()).unwrap();
        assert_eq!(first.hash(Of::Subject, b"x"), again.hash(Of::Subject, b"x"));
        assert_ne!(first.hash(Of::Subject, b"x"), first.hash(Of::Token, b"x"));
        let path = folder.path().join(super::FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode));
            mode(0o640).unwrap();
            let refused = Secret::open_or_make(folder.path()).err();
            let told = refused.unwrap().to_string();
            assert!(told.contains("chmod 600"), "{told}");
            mode(0o600).unwrap();
        }
        std::fs::write(&path, "abc").unwrap();
        let refused = Secret::open_or_make(folder.path()).err();
        assert!(matches!(refused, Some(ServiceError::Key { .. })));
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let secret = Secret::of([7; 32]).unwrap();
        let sealed = secret.seal("a", b"person 17").unwrap();
        assert_eq!(secret.unseal("a", &sealed).unwrap(), b"person 17");
        assert_eq!(secret.unseal("b", &sealed), None);
        assert_eq!(Secret::of([8; 32]).unwrap().unseal("a", &sealed), None);
        assert_ne!(sealed, secret.seal("a", b"person 17").unwrap());
        assert_eq!(secret.unseal("a", ""), None);
    }

    #[test]
    fn a_hash_is_compared_with_what_it_is_of() {
        let secret = Secret::of([7; 32]).unwrap();
        let hash = secret.hash(Of::Token, b"s");
        assert!(secret.is(Of::Token, b"s", &hash));
        assert!(!secret.is(Of::Token, b"t", &hash));
        assert!(!secret.is(Of::Subject, b"s", &hash));
        assert!(!secret.is(Of::Token, b"s", "zz"));
    }

    #[test]
    fn digits_are_read_as_they_are_written() {
        assert_eq!(unhex::<2>(&hex(&[0, 255])), Some([0, 255]));
        assert_eq!(unhex::<2>("0é0"), None);
        assert_eq!(unhex::<2>("00gg"), None);
    }
}
