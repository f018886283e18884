//! Deletion requests: who asks to be forgotten, and which records that is.

use crate::digest::{Digest, DigestError};
use crate::manifest::{Manifest, ManifestError};
use crate::normal::normal;
use crate::permutation::shuffle;
use crate::ranges::{PositionRanges, RangesError};
use crate::selection::Selection;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A request to forget records, written (also by serde) as
///
/// | text | records |
/// |---|---|
/// | `3,17,20-29` | these 0-based positions, each once however often it is named |
/// | `line:3,17,20-29` | the records read from these lines of a table (1 is the header's; rows of files without lines count from 1) |
/// | `hash:DIGITS` | the record of this identity (its [`record_hash`](crate::record_hash), 64 hexadecimal digits) and every exact copy of it |
/// | `subject:alice` | every record of this subject |
/// | `class:cat` | every record of this class |
/// | `random:100?seed=7` | 100 records drawn by this seed (0 if absent), for experiments |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RecordRequest {
    /// Records at these positions.
    Positions(PositionRanges),
    /// Records that were read from these lines of a table when the run was made.
    Lines(PositionRanges),
    /// Records of this identity.
    Hash(Digest),
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
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request names no record.
    #[error(
        "the request is empty: name positions, lines, a hash, a subject, a class or a random count"
    )]
    Empty,
    /// Positions that cannot be read.
    #[error("{0}; or line:LINES, hash:HEX, subject:ID, class:NAME, random:COUNT?seed=N")]
    Positions(#[from] RangesError),
    /// A hash that cannot be read.
    #[error(transparent)]
    Hash(#[from] DigestError),
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
    /// Lines of something other than a table.
    #[error("the records are not of a table: request positions, hashes, subjects or classes")]
    NoLines,
    /// Lines of no record.
    #[error(
        "lines {lines} are not all of records: the records were in lines up to {last} of the table when \
         the run was made (the first has the columns' names; rows without a value may have been left out)"
    )]
    UnknownLine {
        /// The lines asked for.
        lines: PositionRanges,
        /// The last line of a record.
        last: u64,
    },
    /// Requested records that exist but are not among those that can be forgotten.
    #[error(
        "records {0} cannot be forgotten: they are deleted already or were never trained on; \
         leave them out of the request"
    )]
    NotPresent(PositionRanges),
    /// No record has this identity.
    #[error(
        "no record has the hash {0}: it is that of another record, or of another version of it"
    )]
    UnknownHash(Digest),
    /// The dataset does not say whose its records are.
    #[error("the dataset names no subjects: load it with a subject column, or request positions")]
    NoSubjects,
    /// No record is of this subject. The message leaves the name out, as it may reach a log.
    #[error("no record is of that subject: compare the spelling with the subject column")]
    UnknownSubject,
    /// All records of the subject, or of the lines, were kept for testing.
    #[error(
        "the {records} record(s) asked for are in the test part and were never trained on: there is \
         nothing to forget"
    )]
    NeverTrainedOn {
        /// How many there are.
        records: usize,
    },
    /// All records of the subject came into the source after the run was made.
    #[error(
        "the {records} record(s) of that subject were added to the source after the run was made and \
         were never trained on: there is nothing to forget"
    )]
    AddedSince {
        /// How many there are.
        records: usize,
    },
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
    #[error(
        "{count} random records asked for: only {available} can be forgotten, as one has to stay"
    )]
    TooMany {
        /// Records asked for.
        count: usize,
        /// Records that can be forgotten: all but one.
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
        let records = manifest.len();
        let found = among.records();
        if found != records {
            let expected = records;
            return Err(ManifestError::Count { found, expected }.into());
        }
        match self {
            Self::Positions(ranges) => by_position(ranges, among),
            Self::Lines(lines) => {
                let at = manifest.at_lines(lines)?.ok_or(RequestError::NoLines)?;
                if at.unknown {
                    let (lines, last) = (lines.clone(), at.last);
                    return Err(RequestError::UnknownLine { lines, last });
                }
                let unknown = RequestError::NeverTrainedOn { records: at.tests };
                present(among, at.found, unknown)
            }
            Self::Hash(identity) => {
                let unknown = RequestError::UnknownHash(*identity);
                present(among, manifest.of_identity(identity)?, unknown)
            }
            Self::Subject(subject) => {
                let found = manifest.of_subject(subject)?;
                let found = found.ok_or(RequestError::NoSubjects)?;
                let unknown = match manifest.tests_of_subject(subject)? {
                    0 => RequestError::UnknownSubject,
                    records => RequestError::NeverTrainedOn { records },
                };
                present(among, found, unknown)
            }
            Self::Class(name) => {
                let known = manifest.classes().ok_or(RequestError::NoClasses)?;
                let wanted = normal(name);
                let class = known
                    .iter()
                    .position(|class| normal(class) == wanted)
                    .ok_or_else(|| RequestError::UnknownClass {
                        found: name.clone(),
                        known: known.to_vec(),
                    })?;
                let labels: Vec<usize> = manifest
                    .classes_of(&Selection::all(records))
                    .collect::<Result<_, _>>()?;
                let found = Selection::filter(records, |&at| labels[at] == class);
                present(among, found, RequestError::Empty)
            }
            Self::Random { count: 0, .. } => Err(RequestError::Empty),
            &Self::Random { count, seed } => {
                if count > among.len() {
                    let available = among.len().saturating_sub(1);
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
    let absent = ranges.difference(among.ranges());
    match absent.is_empty() {
        true => Ok(Selection::of_ranges(records, ranges.clone())),
        false => Err(RequestError::NotPresent(absent)),
    }
}

/// Those that are in `among`; if none is, an error that names them all, or `unknown` if there are
/// none.
fn present(
    among: &Selection,
    all: Selection,
    unknown: RequestError,
) -> Result<Selection, RequestError> {
    if all.is_empty() {
        return Err(unknown);
    }
    let here = all.ranges().intersection(among.ranges());
    match here.is_empty() {
        false => Ok(Selection::of_ranges(among.records(), here)),
        true => Err(RequestError::NotPresent(all.ranges().clone())),
    }
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
            "line" => Ok(Self::Lines(rest.parse()?)),
            "hash" => Ok(Self::Hash(rest.trim().to_ascii_lowercase().parse()?)),
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
            Self::Lines(lines) => write!(f, "line:{lines}"),
            Self::Hash(identity) => write!(f, "hash:{identity}"),
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
