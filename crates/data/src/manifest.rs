//! The identity of a whole dataset, record by record.

mod copies;
mod document;
mod error;
mod finding;
mod item;
mod list;
mod lists;
mod pages;
mod placing;
mod sorted;

pub use error::ManifestError;
pub use placing::Placed;

use list::List;
use lists::Lists;
use sorted::{Index, Sorted};

use crate::dataset::Dataset;
use crate::digest::Digest;
use crate::identity::{hash_at, subject_hash};
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
pub struct Manifest {
    secret: Digest,
    dataset: String,
    source: String,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    lists: Lists,
    validation: Selection,
    root: Digest,
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
        let plain = Self::unnamed(&identities, dataset.subjects(), secret, held_out)?;
        let lines = dataset
            .lines()
            .map(|lines| Sorted::made(secret, Lists::LINES, lines));
        let manifest = Self {
            dataset: dataset.name().to_owned(),
            source: source.into(),
            input_shape: dataset.input_shape().to_vec(),
            class_names: dataset.class_names().to_vec(),
            lists: Lists {
                labels: Some(List::made(secret, Lists::LABELS, dataset.labels())),
                lines,
                ..plain.lists
            },
            ..plain
        };
        manifest.rooted()
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
            ..Self::unnamed(&identities, subjects, secret, held_out)?
        };
        manifest.rooted()
    }

    fn unnamed(
        identities: &[Digest],
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
        let drawn_by = subjects.as_deref().unwrap_or(identities);
        let validation = held_out.of(drawn_by.iter().copied())?;
        let all = |kind, all: &[Digest]| -> Vec<Digest> {
            all.iter()
                .map(|one| pseudonym(&secret, kind, one))
                .collect()
        };
        let records = all(RECORD, identities);
        let subjects = subjects.map(|subjects| all(SUBJECT, &subjects));
        let by_subject = subjects
            .as_deref()
            .map(|all| Index::made(secret, Lists::BY_SUBJECT, all));
        Ok(Self {
            secret,
            dataset: String::new(),
            source: String::new(),
            input_shape: Vec::new(),
            class_names: Vec::new(),
            validation,
            lists: Lists {
                by_record: Index::made(secret, Lists::BY_RECORD, &records)?,
                by_subject: by_subject.transpose()?,
                by_test_subject: Index::made(secret, Lists::BY_TEST_SUBJECT, &[])?,
                records: List::made(secret, Lists::RECORDS, &records),
                subjects: subjects.map(|all| List::made(secret, Lists::SUBJECTS, &all)),
                test_subjects: List::made(secret, Lists::TEST_SUBJECTS, &[]),
                labels: None,
                lines: None,
                test_lines: Sorted::made(secret, Lists::TEST_LINES, &[]),
            },
            root: secret,
        })
    }

    /// The same, knowing whose the test records are and in which lines they were: so that a person
    /// all of whose records are among them can be told so.
    ///
    /// # Errors
    /// More of them than can be listed.
    pub fn with_test(mut self, test: &Dataset) -> Result<Self, ManifestError> {
        let secret = self.secret;
        let subjects = test.subjects().unwrap_or_default().iter();
        let subjects = subjects.map(|subject| pseudonym(&secret, SUBJECT, &subject_hash(subject)));
        let subjects: Vec<Digest> = subjects.collect();
        let lines = test.lines().unwrap_or_default();
        self.lists.by_test_subject = Index::made(secret, Lists::BY_TEST_SUBJECT, &subjects)?;
        self.lists.test_subjects = List::made(secret, Lists::TEST_SUBJECTS, &subjects);
        self.lists.test_lines = Sorted::made(secret, Lists::TEST_LINES, lines);
        self.rooted()
    }

    /// Name of the dataset.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// Where the records came from: a note, since the same data may lie in another folder later.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.lists.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of one input; empty where records are known by their identities alone.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// The pseudonym of the record at a position.
    ///
    /// # Errors
    /// [`ManifestError::Altered`], [`ManifestError::Unread`]: as all that looks records up.
    pub fn pseudonym(&self, position: usize) -> Result<Digest, ManifestError> {
        self.lists.records.get(position)
    }

    /// The classes' names; none where records have no class.
    #[must_use]
    pub fn classes(&self) -> Option<&[String]> {
        self.lists.labels.as_ref().map(|_| &*self.class_names)
    }

    /// Which of the classes each of these records is of, in order; none where records have no class.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym), one by one.
    pub fn classes_of(
        &self,
        which: &Selection,
    ) -> impl Iterator<Item = Result<usize, ManifestError>> {
        let labels = self.lists.labels.as_ref();
        labels.into_iter().flat_map(|labels| {
            let which = which.iter();
            which.map(|at| labels.get(at).map(|label| label as usize))
        })
    }

    /// The records trained on at first, and those held out.
    pub fn split(&self) -> Split {
        Split {
            train: self.validation.complement(),
            validation: self.validation.clone(),
        }
    }

    /// BLAKE3 keyed with the secret, over the text `rescind-data 2026 manifest v6` and the head of
    /// the manifest as its file has it: so over everything, by the digests of the lists' pages.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The pseudonyms of the selected records, in order of position, to commit to.
    ///
    /// # Errors
    /// [`ManifestError::Count`] if the selection is of a dataset of another size; as
    /// [`pseudonym`](Self::pseudonym).
    pub fn hashes_of(&self, selection: &Selection) -> Result<Vec<Digest>, ManifestError> {
        self.check_count(selection.records())?;
        selection
            .iter()
            .map(|position| self.pseudonym(position))
            .collect()
    }

    fn check_count(&self, found: usize) -> Result<(), ManifestError> {
        let expected = self.len();
        if found == expected {
            Ok(())
        } else {
            Err(ManifestError::Count { found, expected })
        }
    }
}

/// Manifests are the same if their roots are.
impl PartialEq for Manifest {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

/// Without the secret, and without anybody's pseudonym.
impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("dataset", &self.dataset)
            .field("records", &self.len())
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
