//! Bytes in pages, each read when it is first needed and found unaltered by itself.

use super::ManifestError;
use crate::digest::Digest;
use crate::identity::hash_text;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, OnceLock};

/// Bytes of a page; the last of a list may have fewer.
pub(super) const PAGE: usize = 1 << 14;

/// Where a manifest is kept.
trait Kept: Read + Seek + Send {}
impl<T: Read + Seek + Send> Kept for T {}

/// What a manifest is read from, by whoever needs a part of it.
#[derive(Clone)]
pub(super) struct File(Arc<Mutex<dyn Kept>>);

impl File {
    pub fn of(kept: impl Read + Seek + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(kept)))
    }

    /// How many bytes it has.
    pub fn len(&self) -> Result<u64, ManifestError> {
        let mut file = self.0.lock().unwrap_or_else(|held| held.into_inner());
        file.seek(SeekFrom::End(0)).map_err(unread)
    }

    /// So many bytes from there on.
    pub fn read(&self, from: u64, count: usize) -> Result<Box<[u8]>, ManifestError> {
        let mut file = self.0.lock().unwrap_or_else(|held| held.into_inner());
        let mut bytes = vec![0; count].into_boxed_slice();
        file.seek(SeekFrom::Start(from)).map_err(unread)?;
        file.read_exact(&mut bytes).map_err(unread)?;
        Ok(bytes)
    }
}

fn unread(error: std::io::Error) -> ManifestError {
    ManifestError::Unread {
        reason: error.to_string(),
    }
}

/// The bytes of one list.
pub(super) struct Pages {
    secret: Digest,
    /// Which list: its pages are no other's.
    name: &'static str,
    /// How many bytes.
    len: usize,
    /// BLAKE3 of every page, keyed with the manifest's secret.
    digests: Vec<Digest>,
    read: Vec<OnceLock<Box<[u8]>>>,
    /// Where they begin, unless they were made now.
    kept: Option<(File, u64)>,
}

impl Pages {
    /// Of bytes that are made now.
    pub fn made(secret: Digest, name: &'static str, bytes: &[u8]) -> Self {
        let pages: Vec<_> = bytes.chunks(PAGE).map(Box::from).collect();
        let digests = pages.iter().enumerate();
        let digests = digests.map(|(at, page)| digest(&secret, name, at, page));
        Self {
            secret,
            name,
            len: bytes.len(),
            digests: digests.collect(),
            read: pages.into_iter().map(OnceLock::from).collect(),
            kept: None,
        }
    }

    /// So many bytes of a file from there on, whose pages have these digests.
    pub fn kept(
        secret: Digest,
        name: &'static str,
        len: usize,
        digests: Vec<Digest>,
        (file, from): (&File, u64),
    ) -> Result<Self, ManifestError> {
        if digests.len() != len.div_ceil(PAGE) {
            let reason = format!("{} digests of {name} for {len} bytes", digests.len());
            return Err(ManifestError::Document { reason });
        }
        let read = digests.iter().map(|_| OnceLock::new()).collect();
        Ok(Self {
            secret,
            name,
            len,
            digests,
            read,
            kept: Some((file.clone(), from)),
        })
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The digest of every page.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// A page, as it was made.
    pub fn page(&self, at: usize) -> Result<&[u8], ManifestError> {
        let beyond = || ManifestError::Document {
            reason: format!("it has no page {at} of {}", self.name),
        };
        let (read, expected) = (self.read.get(at), self.digests.get(at));
        let (read, expected) = read.zip(expected).ok_or_else(beyond)?;
        if let Some(page) = read.get() {
            return Ok(page);
        }
        let (file, from) = self.kept.as_ref().ok_or_else(beyond)?;
        let count = PAGE.min(self.len - at * PAGE);
        let page = file.read(from + (at * PAGE) as u64, count)?;
        if digest(&self.secret, self.name, at, &page) != *expected {
            return Err(ManifestError::Altered { list: self.name });
        }
        Ok(read.get_or_init(|| page))
    }

    /// Every page in turn.
    pub fn all(&self) -> impl Iterator<Item = Result<&[u8], ManifestError>> {
        (0..self.digests.len()).map(|at| self.page(at))
    }
}

fn digest(secret: &Digest, name: &str, at: usize, page: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(secret.as_bytes());
    hasher.update(b"rescind-data 2026 manifest page v1");
    hash_text(&mut hasher, name);
    hasher.update(&(at as u64).to_le_bytes());
    hasher.update(page);
    Digest::finalize(&hasher)
}
