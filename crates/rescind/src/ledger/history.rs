//! The ledger's content, checked.

use super::entry::{CertificateEntry, Entry, ReleaseEntry, RequestEntry};
use super::standing::Standing;
use crate::certificate::LedgerAnchor;
use rescind_data::Digest;
use rescind_privacy::PrivacyError;

/// An entry in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place, from 1.
    pub sequence: u64,
    /// The entry.
    pub entry: Entry,
    /// Its digest, which covers all entries before it.
    pub digest: Digest,
}

/// All entries of a ledger whose chain holds.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    entries: Vec<Recorded>,
    head: Digest,
}

impl History {
    pub(super) fn new(entries: Vec<Recorded>, head: Digest) -> Self {
        Self { entries, head }
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[Recorded] {
        &self.entries
    }

    /// The end of the chain.
    #[must_use]
    pub fn head(&self) -> LedgerAnchor {
        LedgerAnchor {
            entries: self.entries.len() as u64,
            head: self.head,
        }
    }

    /// The requests in order.
    pub fn requests(&self) -> impl Iterator<Item = &RequestEntry> {
        self.entries
            .iter()
            .filter_map(|recorded| match &recorded.entry {
                Entry::Request(request) => Some(request),
                _ => None,
            })
    }

    /// The releases in order.
    pub fn releases(&self) -> impl Iterator<Item = &ReleaseEntry> {
        self.entries
            .iter()
            .filter_map(|recorded| match &recorded.entry {
                Entry::Release(release) => Some(release),
                _ => None,
            })
    }

    /// The certificate of a release.
    #[must_use]
    pub fn certificate(&self, release: u64) -> Option<&CertificateEntry> {
        self.entries
            .iter()
            .find_map(|recorded| match &recorded.entry {
                Entry::Certificate(certificate) if certificate.release == release => {
                    Some(certificate)
                }
                _ => None,
            })
    }

    /// The requests that no release covers yet.
    pub(crate) fn pending(&self) -> Vec<&RequestEntry> {
        let mut pending = Vec::new();
        for recorded in &self.entries {
            match &recorded.entry {
                Entry::Request(request) => pending.push(request),
                Entry::Release(_) => pending.clear(),
                Entry::Certificate(_) => {}
            }
        }
        pending
    }

    /// What holds for every request after all releases so far (THEORY §5).
    ///
    /// # Errors
    /// [`PrivacyError`] if the releases together exceed what can be written down.
    pub fn standings(&self) -> Result<Vec<Standing>, PrivacyError> {
        self.standings_after(&[])
    }

    /// The same if `planned` were to follow.
    pub(crate) fn standings_after(&self, planned: &[Entry]) -> Result<Vec<Standing>, PrivacyError> {
        let entries: Vec<&Entry> = self
            .entries
            .iter()
            .map(|recorded| &recorded.entry)
            .chain(planned)
            .collect();
        let mut standings = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Entry::Request(request) = entry {
                let since = entries[index..].iter().filter_map(|entry| match entry {
                    Entry::Release(release) => Some(release),
                    _ => None,
                });
                standings.push(Standing::new(request, since)?);
            }
        }
        Ok(standings)
    }
}
