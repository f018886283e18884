//! The ledger's content, checked.

use super::entry::{
    Budget, CertificateEntry, Entry, MadeEntry, ReleaseEntry, RequestEntry, TrainedEntry,
};
use super::error::LedgerError;
use super::link::entry_digest;
use super::standing::{Since, Standing};
use rescind_certificate::LedgerAnchor;
use rescind_data::Digest;
use rescind_privacy::PrivacyError;
use rescind_privacy::accounting::{Accountant, RunAccountant};

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

/// All entries of a ledger whose chain holds, with what every request needs of them.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    entries: Vec<Recorded>,
    head: Digest,
    requests: u64,
    releases: u64,
    /// Places among the entries of the requests that no release covers yet.
    pending: Vec<usize>,
    last_request: Option<usize>,
    made: Option<MadeEntry>,
    trained: Option<usize>,
    noise: Option<Digest>,
    budget: Option<Budget>,
    key: Option<Digest>,
    /// All releases since the first request.
    spent: RunAccountant,
}

impl History {
    /// Without an entry, after this head.
    pub(super) fn empty(head: Digest) -> Result<Self, PrivacyError> {
        Ok(Self {
            entries: Vec::new(),
            head,
            requests: 0,
            releases: 0,
            pending: Vec::new(),
            last_request: None,
            made: None,
            trained: None,
            noise: None,
            budget: None,
            key: None,
            spent: RunAccountant::new()?,
        })
    }

    /// Adds the next entry.
    pub(super) fn push(&mut self, recorded: Recorded) -> Result<(), PrivacyError> {
        match &recorded.entry {
            Entry::Request(_) => {
                self.requests += 1;
                self.pending.push(self.entries.len());
                self.last_request = Some(self.entries.len());
            }
            Entry::Release(release) => {
                if self.requests > 0 {
                    self.spent.spend(&release.spent)?;
                }
                self.noise = Some(release.noise);
                self.releases += 1;
                self.pending.clear();
            }
            Entry::Budget(set) => self.budget = set.budget,
            Entry::Key(key) => self.key = Some(key.public_key),
            Entry::Certificate(certificate) => self.key = Some(certificate.signer),
            // The last of them: a crash may have left others of the making of the run.
            Entry::Made(made) => {
                self.noise = Some(made.noise);
                self.made = Some(made.clone());
                self.trained = None;
            }
            Entry::Trained(_) => self.trained = Some(self.entries.len()),
            Entry::Place(_) => {}
        }
        self.head = recorded.digest;
        self.entries.push(recorded);
        Ok(())
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

    /// The end of the chain once these entries follow.
    ///
    /// # Errors
    /// An entry that cannot be written down.
    pub fn head_after(&self, entries: &[Entry]) -> Result<LedgerAnchor, LedgerError> {
        let mut head = self.head();
        for entry in entries {
            head.entries += 1;
            head.head = entry_digest(head.entries, entry.kind(), &entry.body()?, &head.head);
        }
        Ok(head)
    }

    /// Whether this is a place in the chain: a ledger that was put back from a copy, and went on, has
    /// others.
    #[must_use]
    pub fn holds(&self, anchor: &LedgerAnchor) -> bool {
        let at = anchor.entries.checked_sub(1).map(usize::try_from);
        let entry = at.and_then(|at| self.entries.get(at.ok()?));
        entry.is_some_and(|entry| entry.digest == anchor.head)
    }

    /// Whether nothing was asked of the run since it was made.
    pub(super) fn is_new(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.all(|recorded| matches!(recorded.entry, Entry::Made(_) | Entry::Trained(_)))
    }

    /// What the run was made of.
    #[must_use]
    pub fn made(&self) -> Option<&MadeEntry> {
        self.made.as_ref()
    }

    /// What training last came to, and whether it is since the last request.
    #[must_use]
    pub fn trained(&self) -> Option<(&TrainedEntry, bool)> {
        let at = self.trained?;
        match &self.entries.get(at)?.entry {
            Entry::Trained(trained) => Some((trained, self.last_request.is_none_or(|r| r < at))),
            _ => None,
        }
    }

    /// Commitment to the secret that the noise of the next release is drawn with.
    pub(super) fn noise(&self) -> Option<Digest> {
        self.noise
    }

    /// How many requests.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.requests
    }

    /// How many releases.
    #[must_use]
    pub fn release_count(&self) -> u64 {
        self.releases
    }

    /// The last request.
    #[must_use]
    pub fn last_request(&self) -> Option<&RequestEntry> {
        match &self.entries.get(self.last_request?)?.entry {
            Entry::Request(request) => Some(request),
            _ => None,
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

    /// What is recorded of the certificate of a release.
    #[must_use]
    pub fn certificate(&self, release: u64) -> Option<&CertificateEntry> {
        self.entries
            .iter()
            .rev()
            .find_map(|recorded| match &recorded.entry {
                Entry::Certificate(entry) if entry.release == release => Some(entry),
                _ => None,
            })
    }

    /// The budget in force.
    #[must_use]
    pub fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// When somebody said that the run, found in another place, is the only one.
    #[must_use]
    pub fn adopted(&self) -> Vec<String> {
        let entries = self.entries.iter();
        let adopted = entries.filter_map(|recorded| match &recorded.entry {
            Entry::Place(place) => Some(place.since.clone()),
            _ => None,
        });
        adopted.collect()
    }

    /// The public key that signs: the newest release's, or one put in its place since. None before
    /// the first release.
    #[must_use]
    pub fn key(&self) -> Option<Digest> {
        self.key
    }

    /// The requests that no release covers yet.
    #[must_use]
    pub fn pending(&self) -> Vec<&RequestEntry> {
        let entries = self.pending.iter().map(|&at| &self.entries[at].entry);
        let requests = entries.filter_map(|entry| match entry {
            Entry::Request(request) => Some(request),
            _ => None,
        });
        requests.collect()
    }

    /// What has been spent on the oldest request: it was in every release since, so that no other
    /// request has less left.
    #[must_use]
    pub fn spent(&self) -> &RunAccountant {
        &self.spent
    }

    /// What holds for every request after all releases so far (docs/theory.md §5).
    ///
    /// # Errors
    /// [`PrivacyError`] if the releases together exceed what can be written down.
    pub fn standings(&self) -> Result<Vec<Standing>, PrivacyError> {
        let mut since = Since::now()?;
        let mut standings = Vec::new();
        for recorded in self.entries.iter().rev() {
            match &recorded.entry {
                Entry::Release(release) => since.and(release)?,
                Entry::Request(request) => standings.push(since.standing(request)),
                _ => {}
            }
        }
        standings.reverse();
        Ok(standings)
    }

    /// What holds for the request of this number; none where there is no such request.
    ///
    /// # Errors
    /// As [`standings`](Self::standings).
    pub fn standing(&self, number: u64) -> Result<Option<Standing>, PrivacyError> {
        let mut since = Since::now()?;
        for recorded in self.entries.iter().rev() {
            match &recorded.entry {
                Entry::Release(release) => since.and(release)?,
                Entry::Request(request) if request.number == number => {
                    return Ok(Some(since.standing(request)));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}
