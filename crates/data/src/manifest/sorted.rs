//! Lists in ascending order, and where digests are found by them.

use super::ManifestError;
use super::item::{Item, Packed};
use super::list::{List, Listed};
use super::pages::{File, PAGE, Pages};
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Numbers in ascending order: whoever looks for one reads the page that it is on.
pub(super) struct Sorted {
    list: List<u64>,
    /// The first of every page.
    firsts: Vec<u64>,
}

/// What a manifest's head says of such a list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListedSorted {
    list: Listed,
    firsts: Packed<u64>,
}

const ON_A_PAGE: usize = PAGE / u64::SIZE;

impl Sorted {
    /// Of numbers that ascend.
    pub fn made(secret: Digest, name: &'static str, numbers: &[u64]) -> Self {
        let firsts = numbers.iter().step_by(ON_A_PAGE);
        Self {
            list: List::made(secret, name, numbers),
            firsts: firsts.copied().collect(),
        }
    }

    pub fn kept(
        secret: Digest,
        name: &'static str,
        listed: ListedSorted,
        file: (&File, &mut u64),
    ) -> Result<Self, ManifestError> {
        let list = List::kept(secret, name, listed.list, file)?;
        let firsts = listed.firsts.0;
        if firsts.len() != list.pages().digests().len() {
            let reason = format!("{} pages of {name} begin somewhere", firsts.len());
            return Err(ManifestError::Document { reason });
        }
        Ok(Self { list, firsts })
    }

    pub fn listed(&self) -> ListedSorted {
        ListedSorted {
            list: self.list.listed(),
            firsts: Packed(self.firsts.clone()),
        }
    }

    pub fn pages(&self) -> &Pages {
        self.list.pages()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn get(&self, at: usize) -> Result<u64, ManifestError> {
        self.list.get(at)
    }

    pub fn last(&self) -> Result<Option<u64>, ManifestError> {
        self.len().checked_sub(1).map(|at| self.get(at)).transpose()
    }

    /// Where those from the first to the last of these lie.
    pub fn between(&self, first: u64, last: u64) -> Result<Range<usize>, ManifestError> {
        let begin = self.below(first)?;
        let end = match last.checked_add(1) {
            Some(after) => self.below(after)?,
            None => self.len(),
        };
        Ok(begin..end.max(begin))
    }

    /// How many are below a number.
    fn below(&self, number: u64) -> Result<usize, ManifestError> {
        // The last page that begins below it; those before are wholly below.
        let pages = self.firsts.partition_point(|&first| first < number);
        let Some(page) = pages.checked_sub(1) else {
            return Ok(0);
        };
        let (mut low, mut high) = (page * ON_A_PAGE, self.len().min(pages * ON_A_PAGE));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)? < number {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }
}

/// Where digests are in a list: the first four bytes of each and its position, as one number.
pub(super) struct Index(Sorted);

impl Index {
    /// # Errors
    /// More digests than 32 bits count.
    pub fn made(
        secret: Digest,
        name: &'static str,
        digests: &[Digest],
    ) -> Result<Self, ManifestError> {
        if u32::try_from(digests.len()).is_err() {
            let reason = format!("{} records are more than it can list", digests.len());
            return Err(ManifestError::Document { reason });
        }
        let entries = digests.iter().zip(0..);
        let mut entries: Vec<u64> = entries.map(|(digest, at)| begins(digest) | at).collect();
        entries.sort_unstable();
        Ok(Self(Sorted::made(secret, name, &entries)))
    }

    pub fn kept(
        secret: Digest,
        name: &'static str,
        listed: ListedSorted,
        file: (&File, &mut u64),
    ) -> Result<Self, ManifestError> {
        Sorted::kept(secret, name, listed, file).map(Self)
    }

    pub fn sorted(&self) -> &Sorted {
        &self.0
    }

    /// The positions in the list at which a digest is, ascending.
    pub fn find(&self, wanted: &Digest, list: &List<Digest>) -> Result<Vec<usize>, ManifestError> {
        let begin = begins(wanted);
        let mut found = Vec::new();
        for entry in self.0.between(begin, begin | u64::from(u32::MAX))? {
            let position = (self.0.get(entry)? & u64::from(u32::MAX)) as usize;
            if position < list.len() && list.get(position)? == *wanted {
                found.push(position);
            }
        }
        Ok(found)
    }
}

/// A digest's first four bytes, in the upper half of a number.
fn begins(digest: &Digest) -> u64 {
    let [a, b, c, d, ..] = *digest.as_bytes();
    u64::from(u32::from_be_bytes([a, b, c, d])) << 32
}
