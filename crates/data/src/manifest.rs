//! The identity of a whole dataset, record by record.

mod copies;
mod document;
mod error;
mod fronts;
mod placing;

pub use error::ManifestError;
pub use placing::Placed;

use fronts::Fronts;

use crate::dataset::Dataset;
use crate::digest::Digest;
use crate::identity::{hash_at, hash_shape, hash_text, subject_hash};
use crate::ranges::PositionRanges;
use crate::selection::Selection;
use crate::split::{HeldOut, Split};
use rayon::prelude::*;
use std::fmt;

/// Who every record of a dataset is: a pseudonym per position, one of its subject where the source
/// names subjects, its class where it has one, and whether it is held out for validation.
///
/// Pseudonyms are BLAKE3 hashes keyed with a secret of the manifest's own: without it, not even
/// someone who can guess a whole record learns anything from them or from the [root](Self::root),
/// which may be published; with it they can be confirmed by guessing. So the manifest itself, which
/// holds the secret, is as confidential as the records. What it knows suffices to carry out
/// requests after records have left their source: see [`place`](Self::place).
#[derive(Clone, PartialEq)]
pub struct Manifest {
    secret: Digest,
    dataset: String,
    source: String,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    records: Vec<Digest>,
    labels: Option<Vec<u32>>,
    subjects: Option<Vec<Digest>>,
    /// Of the test records, whose each of them is.
    test_subjects: Vec<Digest>,
    /// Of a table, the line that each record was read from, and each test record.
    lines: Option<Vec<u64>>,
    test_lines: Vec<u64>,
    validation: Selection,
    root: Digest,
    fronts: Fronts,
}

/// What lines of a table are.
pub(crate) struct AtLines {
    /// The records trained on or held out for validation.
    pub found: Selection,
    /// How many of the lines are of test records.
    pub tests: usize,
    /// Whether some of them are of no record.
    pub unknown: bool,
    /// The last line of any record.
    pub last: u64,
}

impl Manifest {
    /// Identifies every record. `source` says where they came from, as a note for the reader;
    /// `secret` comes from the operating system's generator and is used for nothing else.
    ///
    /// # Errors
    /// [`ManifestError::Standardised`] if the values have been changed already; a validation
    /// fraction that leaves nothing to train on.
    pub fn new(
        dataset: &Dataset,
        source: impl Into<String>,
        secret: Digest,
        held_out: HeldOut,
    ) -> Result<Self, ManifestError> {
        let identities = identities(dataset)?;
        let subjects = dataset.subjects();
        let manifest = Self {
            dataset: dataset.name().to_owned(),
            source: source.into(),
            input_shape: dataset.input_shape().to_vec(),
            class_names: dataset.class_names().to_vec(),
            labels: Some(dataset.labels().to_vec()),
            lines: dataset.lines().map(<[u64]>::to_vec),
            ..Self::unnamed(identities, subjects, secret, held_out)?
        };
        Ok(manifest.rooted())
    }

    /// The manifest of records that are known by their identities alone: without a shape, and
    /// without classes. `subjects` says whose each of them is.
    ///
    /// # Errors
    /// [`ManifestError::Count`] for subjects of another number than the records; a validation
    /// fraction that leaves nothing to train on.
    pub fn of_identities(
        dataset: impl Into<String>,
        identities: Vec<Digest>,
        subjects: Option<&[String]>,
        secret: Digest,
        held_out: HeldOut,
    ) -> Result<Self, ManifestError> {
        let dataset = dataset.into();
        let manifest = Self {
            source: dataset.clone(),
            dataset,
            ..Self::unnamed(identities, subjects, secret, held_out)?
        };
        Ok(manifest.rooted())
    }

    fn unnamed(
        identities: Vec<Digest>,
        subjects: Option<&[String]>,
        secret: Digest,
        held_out: HeldOut,
    ) -> Result<Self, ManifestError> {
        if let Some(subjects) = subjects
            && subjects.len() != identities.len()
        {
            return Err(ManifestError::Count {
                found: subjects.len(),
                expected: identities.len(),
            });
        }
        let subjects: Option<Vec<Digest>> =
            subjects.map(|all| all.iter().map(|subject| subject_hash(subject)).collect());
        let drawn_by = subjects.as_ref().unwrap_or(&identities);
        Ok(Self {
            validation: held_out.of(drawn_by.iter().copied())?,
            subjects: subjects
                .map(|all| all.iter().map(|s| pseudonym(&secret, SUBJECT, s)).collect()),
            records: identities
                .iter()
                .map(|identity| pseudonym(&secret, RECORD, identity))
                .collect(),
            test_subjects: Vec::new(),
            lines: None,
            test_lines: Vec::new(),
            secret,
            dataset: String::new(),
            source: String::new(),
            input_shape: Vec::new(),
            class_names: Vec::new(),
            labels: None,
            root: secret,
            fronts: Fronts::default(),
        })
    }

    /// The same, knowing whose the test records are and in which lines they were: so that a person
    /// all of whose records are among them can be told so.
    #[must_use]
    pub fn with_test(mut self, test: &Dataset) -> Self {
        let subjects = test.subjects().unwrap_or_default().iter();
        let subjects =
            subjects.map(|subject| pseudonym(&self.secret, SUBJECT, &subject_hash(subject)));
        self.test_subjects = subjects.collect();
        self.test_lines = test.lines().unwrap_or_default().to_vec();
        self.rooted()
    }

    fn rooted(mut self) -> Self {
        self.root = self.compute_root();
        self
    }

    /// Name of the dataset.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// Where the records came from: a note, not covered by the root, since the same data may lie
    /// in another folder.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Shape of one input; empty where records are known by their identities alone.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// The pseudonym of every record, by position.
    pub fn records(&self) -> &[Digest] {
        &self.records
    }

    /// The classes' names, and the class of every record in order; none where records have no
    /// class.
    #[must_use]
    pub fn classes(&self) -> Option<(&[String], &[u32])> {
        let labels = self.labels.as_deref()?;
        Some((&self.class_names, labels))
    }

    /// The records trained on at first, and those held out.
    pub fn split(&self) -> Split {
        Split {
            train: self.validation.complement(),
            validation: self.validation.clone(),
        }
    }

    /// The records of a subject; `None` where the source names no subjects.
    pub fn of_subject(&self, subject: &str) -> Option<Selection> {
        let subjects = self.subjects.as_ref()?;
        let wanted = pseudonym(&self.secret, SUBJECT, &subject_hash(subject));
        Some(Selection::filter(self.len(), |&position| {
            subjects[position] == wanted
        }))
    }

    /// How many test records a subject has.
    pub fn tests_of_subject(&self, subject: &str) -> usize {
        let wanted = pseudonym(&self.secret, SUBJECT, &subject_hash(subject));
        self.test_subjects
            .iter()
            .filter(|own| **own == wanted)
            .count()
    }

    /// The lines that records were read from, when the manifest was made (of files without lines the
    /// rows, 1-based); `None` where they are not of a table. Later changes of the file move no line
    /// here.
    pub fn lines_of(&self, selection: &Selection) -> Option<PositionRanges> {
        let lines = self.lines.as_ref()?;
        let lines = selection.iter().filter_map(|at| lines.get(at));
        let mut lines: Vec<usize> = lines.filter_map(|&line| line.try_into().ok()).collect();
        lines.sort_unstable();
        Some(PositionRanges::of_sorted(&lines))
    }

    /// The records that were read from these lines, those lines that were of test records, and
    /// those that were of none; `None` where records are not of a table.
    pub(crate) fn at_lines(&self, asked: &PositionRanges) -> Option<AtLines> {
        let lines = self.lines.as_ref()?;
        let is_asked = |line: u64| usize::try_from(line).is_ok_and(|line| asked.contains(line));
        let found = Selection::filter(self.len(), |&at| is_asked(lines[at]));
        let tests = self
            .test_lines
            .iter()
            .filter(|&&line| is_asked(line))
            .count();
        let last = lines.iter().chain(&self.test_lines).copied().max();
        Some(AtLines {
            unknown: asked.count() as u128 > (found.len() + tests) as u128,
            found,
            tests,
            last: last.unwrap_or(0),
        })
    }

    /// The records of an identity: its [`record_hash`](crate::record_hash), or what the caller gave
    /// for it.
    pub fn of_identity(&self, identity: &Digest) -> Selection {
        let wanted = pseudonym(&self.secret, RECORD, identity);
        Selection::filter(self.len(), |&position| self.records[position] == wanted)
    }

    /// Whether these are its records in this order, and these their subjects.
    pub fn lists(
        &self,
        identities: impl ExactSizeIterator<Item = Digest>,
        subjects: Option<&[String]>,
    ) -> bool {
        let of_subjects = |subjects: &[String]| {
            let own = self.subjects.as_deref().unwrap_or_default();
            own.len() == subjects.len()
                && own.iter().zip(subjects).all(|(own, subject)| {
                    *own == pseudonym(&self.secret, SUBJECT, &subject_hash(subject))
                })
        };
        identities.len() == self.len()
            && identities
                .zip(&self.records)
                .all(|(identity, own)| pseudonym(&self.secret, RECORD, &identity) == *own)
            && subjects.map_or(self.subjects.is_none(), of_subjects)
    }

    /// One digest over everything but the source: BLAKE3 keyed with the secret, over the text
    /// `rescind-data 2026 manifest v4`, the name, the shape, the number of classes and their names,
    /// the number of records and their pseudonyms, the number of subjects (0 if unnamed) and their
    /// pseudonyms, the number of subjects of test records (0 if unnamed) and their pseudonyms, the
    /// number of labels (0 if there are none) and the labels (u32), the number of lines of records
    /// (0 if there are none) and the lines, the same of test records, the number of
    /// records held out and their positions; numbers as little-endian u64, each text preceded by
    /// its length in bytes.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The pseudonyms of the selected records, in order of position, to commit to.
    ///
    /// # Errors
    /// [`ManifestError::Count`] if the selection is of a dataset of another size.
    pub fn hashes_of(&self, selection: &Selection) -> Result<Vec<Digest>, ManifestError> {
        self.check_count(selection.records())?;
        Ok(selection
            .iter()
            .map(|position| self.records[position])
            .collect())
    }

    fn check_count(&self, found: usize) -> Result<(), ManifestError> {
        let expected = self.records.len();
        if found == expected {
            Ok(())
        } else {
            Err(ManifestError::Count { found, expected })
        }
    }

    fn compute_root(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(self.secret.as_bytes());
        hasher.update(b"rescind-data 2026 manifest v4");
        hash_text(&mut hasher, &self.dataset);
        hash_shape(&mut hasher, &self.input_shape);
        hash_number(&mut hasher, self.class_names.len());
        for class_name in &self.class_names {
            hash_text(&mut hasher, class_name);
        }
        for digests in [
            self.records.as_slice(),
            self.subjects.as_deref().unwrap_or_default(),
            &self.test_subjects,
        ] {
            hash_number(&mut hasher, digests.len());
            hash_all(&mut hasher, digests, |digest| *digest.as_bytes());
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        hash_number(&mut hasher, labels.len());
        hash_all(&mut hasher, labels, |label| label.to_le_bytes());
        for lines in [self.lines.as_deref().unwrap_or_default(), &self.test_lines] {
            hash_number(&mut hasher, lines.len());
            hash_all(&mut hasher, lines, |line| line.to_le_bytes());
        }
        hash_shape(&mut hasher, self.validation.positions());
        Digest::finalize(&hasher)
    }
}

/// Without the secret, and without anybody's pseudonym.
impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("dataset", &self.dataset)
            .field("records", &self.records.len())
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

const RECORD: &[u8] = b"rescind-data 2026 record pseudonym v1";
const SUBJECT: &[u8] = b"rescind-data 2026 subject pseudonym v1";

fn pseudonym(secret: &Digest, kind: &[u8], identity: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(secret.as_bytes());
    hasher.update(kind);
    hasher.update(identity.as_bytes());
    Digest::finalize(&hasher)
}

/// Hashes many of one kind, in blocks: one update for each would be slow.
fn hash_all<T, const N: usize>(hasher: &mut blake3::Hasher, all: &[T], bytes: fn(&T) -> [u8; N]) {
    const BLOCK: usize = 4096;
    let mut block = Vec::with_capacity(BLOCK * N);
    for some in all.chunks(BLOCK) {
        block.clear();
        block.extend(some.iter().flat_map(bytes));
        hasher.update(&block);
    }
}

fn hash_number(hasher: &mut blake3::Hasher, number: usize) {
    hasher.update(&(number as u64).to_le_bytes());
}

/// The content hash of every record.
fn identities(dataset: &Dataset) -> Result<Vec<Digest>, ManifestError> {
    if dataset.is_standardised() {
        return Err(ManifestError::Standardised);
    }
    let positions = (0..dataset.len()).into_par_iter();
    Ok(positions
        .filter_map(|position| hash_at(dataset, position))
        .collect())
}
