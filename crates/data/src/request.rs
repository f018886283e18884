//! Deletion requests: who asks to be forgotten, and which records that is.

use crate::digest::Digest;
use crate::identity::subject_hash;
use crate::manifest::{Manifest, ManifestError};
use crate::permutation::shuffle;
use crate::ranges::{PositionRanges, RangesError};
use crate::selection::Selection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The fewest hexadecimal digits that may stand for a whole hash.
const SHORTEST_PREFIX: usize = 8;

/// A request to forget records, written (also by serde) as
///
/// | text | records |
/// |---|---|
/// | `3,17,20-29` | these 0-based positions, each once however often it is named |
/// | `hash:0123abcd` | the record of this content hash and every exact copy of it; a prefix of at least 8 digits is enough |
/// | `subject:alice` | every record of this subject |
/// | `class:cat` | every record of this class |
/// | `random:100?seed=7` | 100 records drawn by this seed (0 if absent), for experiments |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RecordRequest {
    /// Records at these positions.
    Positions(PositionRanges),
    /// Records whose content hash begins with these lower-case hexadecimal digits.
    Hash(String),
    /// Records of this subject.
    Subject(String),
    /// Records of this class.
    Class(String),
    /// Records drawn at random.
    Random {
        /// How many.
        count: usize,
        /// Seed of the draw.
        seed: u64,
    },
}

/// Why a request cannot be read or does not name records to forget.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request names no record.
    #[error("the request is empty: name positions, a hash, a subject, a class or a random count")]
    Empty,
    /// Positions that cannot be read.
    #[error("{0}; or hash:HEX, subject:ID, class:NAME, random:COUNT?seed=N")]
    Positions(#[from] RangesError),
    /// A hash prefix that is too short, too long or not hexadecimal.
    #[error("`{0}` is not a record hash: expected 8 to 64 hexadecimal digits")]
    Prefix(String),
    /// A random draw that cannot be read.
    #[error("`{0}` is not a random draw: expected `COUNT` or `COUNT?seed=N`, such as `100?seed=7`")]
    Draw(String),
    /// A position at or beyond the number of records.
    #[error("position {position} is out of range: the dataset has {records} records, 0-based")]
    OutOfRange {
        /// The position.
        position: usize,
        /// Number of records.
        records: usize,
    },
    /// Requested records that exist but are not among those that can be forgotten.
    #[error(
        "records {0} cannot be forgotten: they are deleted already or were never trained on; \
         leave them out of the request"
    )]
    NotPresent(PositionRanges),
    /// No record has such a hash.
    #[error("no record has a hash that begins with `{0}`: look it up in the manifest")]
    UnknownHash(String),
    /// Records of different contents have such a hash.
    #[error("`{prefix}` begins the hashes of {} different records, {}: give more digits",
        matches.len(), list(matches))]
    AmbiguousHash {
        /// The prefix asked for.
        prefix: String,
        /// The hashes that begin with it.
        matches: Vec<Digest>,
    },
    /// The dataset does not say whose its records are.
    #[error("the dataset names no subjects: load it with a subject column, or request positions")]
    NoSubjects,
    /// No record is of this subject. The message leaves the name out, as it may reach a log.
    #[error("no record is of that subject: compare the spelling with the subject column")]
    UnknownSubject,
    /// The records have no classes.
    #[error("the records have no classes: request positions, hashes or subjects")]
    NoClasses,
    /// No class has this name.
    #[error("no class is named `{found}`: the classes are {}", known.join(", "))]
    UnknownClass {
        /// The name asked for.
        found: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// More records asked for than there are.
    #[error("{count} random records asked for: only {available} can be forgotten")]
    TooMany {
        /// Records asked for.
        count: usize,
        /// Records that can be forgotten.
        available: usize,
    },
    /// Manifest, dataset and selection do not speak of one dataset.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl RecordRequest {
    /// The records to forget, a non-empty subset of `among` (the records now trained on).
    ///
    /// A request by hash, subject or class means those of its records still in
    /// `among`; a request by position must name only such records. Copies elsewhere are the
    /// caller's to report: see [`Manifest::duplicates_outside`].
    ///
    /// # Errors
    /// [`RequestError`] for a request that is empty, out of range, unknown, ambiguous, or names
    /// records that are not in `among`.
    pub fn resolve(
        &self,
        manifest: &Manifest,
        among: &Selection,
    ) -> Result<Selection, RequestError> {
        let records = manifest.records().len();
        let found = among.records();
        if found != records {
            let expected = records;
            return Err(ManifestError::Count { found, expected }.into());
        }
        match self {
            Self::Positions(ranges) => by_position(ranges, among),
            Self::Hash(prefix) => {
                let hash = unique_hash(prefix, manifest)?;
                present(among, |position| manifest.records()[position] == hash)
            }
            Self::Subject(subject) => {
                let subjects = manifest.subjects().ok_or(RequestError::NoSubjects)?;
                let hash = subject_hash(subject);
                if !subjects.contains(&hash) {
                    return Err(RequestError::UnknownSubject);
                }
                present(among, |position| subjects[position] == hash)
            }
            Self::Class(name) => {
                let (known, labels) = manifest.classes().ok_or(RequestError::NoClasses)?;
                let class = known
                    .iter()
                    .position(|class| class == name)
                    .ok_or_else(|| RequestError::UnknownClass {
                        found: name.clone(),
                        known: known.to_vec(),
                    })?;
                present(among, |position| labels[position] as usize == class)
            }
            Self::Random { count: 0, .. } => Err(RequestError::Empty),
            &Self::Random { count, seed } => {
                let available = among.len();
                if count > available {
                    return Err(RequestError::TooMany { count, available });
                }
                let mut drawn = among.positions().to_vec();
                shuffle(&mut drawn, b"random request\0\0", seed, 0);
                drawn.truncate(count);
                drawn.sort_unstable();
                Ok(Selection::of_sorted(records, drawn))
            }
        }
    }
}

fn by_position(ranges: &PositionRanges, among: &Selection) -> Result<Selection, RequestError> {
    let (position, records) = (ranges.last(), among.records());
    if position >= records {
        return Err(RequestError::OutOfRange { position, records });
    }
    let absent: Vec<usize> = ranges.positions().filter(|&i| !among.contains(i)).collect();
    if !absent.is_empty() {
        return Err(RequestError::NotPresent(PositionRanges::of_sorted(&absent)));
    }
    Ok(Selection::of_sorted(records, ranges.positions().collect()))
}

/// The records that match and are in `among`; if none is, an error that names those that match.
fn present(among: &Selection, matches: impl Fn(usize) -> bool) -> Result<Selection, RequestError> {
    let all = Selection::filter(among.records(), |&position| matches(position));
    let here: Vec<usize> = all
        .positions()
        .iter()
        .copied()
        .filter(|&i| among.contains(i))
        .collect();
    if !here.is_empty() {
        return Ok(Selection::of_sorted(among.records(), here));
    }
    match all.is_empty() {
        true => Err(RequestError::Empty), // a class without records
        false => Err(RequestError::NotPresent(PositionRanges::of_sorted(
            all.positions(),
        ))),
    }
}

fn unique_hash(prefix: &str, manifest: &Manifest) -> Result<Digest, RequestError> {
    let prefix = check_prefix(prefix)?;
    let begins = |hash: &&Digest| hash.to_string().starts_with(&prefix);
    let matches: BTreeSet<Digest> = manifest.records().iter().filter(begins).copied().collect();
    let matches: Vec<Digest> = matches.into_iter().collect();
    match matches[..] {
        [] => Err(RequestError::UnknownHash(prefix)),
        [hash] => Ok(hash),
        _ => Err(RequestError::AmbiguousHash { prefix, matches }),
    }
}

fn check_prefix(text: &str) -> Result<String, RequestError> {
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal && (SHORTEST_PREFIX..=64).contains(&text.len()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(RequestError::Prefix(text.to_owned()))
    }
}

fn list(hashes: &[Digest]) -> String {
    hashes
        .iter()
        .map(Digest::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl FromStr for RecordRequest {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        let (kind, rest) = match text.trim().split_once(':') {
            Some((kind, rest)) => (kind.trim_end(), rest),
            None => ("", text.trim()),
        };
        if rest.trim().is_empty() {
            return Err(RequestError::Empty);
        }
        match kind {
            "hash" => Ok(Self::Hash(check_prefix(rest.trim())?)),
            "subject" => Ok(Self::Subject(rest.to_owned())),
            "class" => Ok(Self::Class(rest.to_owned())),
            "random" => {
                let (count, seed) = rest.split_once("?seed=").unwrap_or((rest, "0"));
                match (count.trim().parse(), seed.trim().parse()) {
                    (Ok(count), Ok(seed)) => Ok(Self::Random { count, seed }),
                    _ => Err(RequestError::Draw(rest.to_owned())),
                }
            }
            "" => Ok(Self::Positions(rest.parse()?)),
            _ => Err(RangesError {
                found: text.trim().to_owned(),
            }
            .into()),
        }
    }
}

impl fmt::Display for RecordRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Positions(ranges) => ranges.fmt(f),
            Self::Hash(prefix) => write!(f, "hash:{prefix}"),
            Self::Subject(subject) => write!(f, "subject:{subject}"),
            Self::Class(name) => write!(f, "class:{name}"),
            Self::Random { count, seed } => write!(f, "random:{count}?seed={seed}"),
        }
    }
}

impl TryFrom<String> for RecordRequest {
    type Error = RequestError;

    fn try_from(text: String) -> Result<Self, RequestError> {
        text.parse()
    }
}

impl From<RecordRequest> for String {
    fn from(request: RecordRequest) -> Self {
        request.to_string()
    }
}
