//! The identity of a whole dataset, record by record.

use crate::dataset::Dataset;
use crate::digest::Digest;
use crate::identity::{hash_at, hash_shape, hash_text, subject_hash};
use crate::selection::Selection;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use thiserror::Error;

const FORMAT: &str = "rescind-manifest-2";

/// Who every record of a dataset is: one [`record_hash`](crate::record_hash) per position, one
/// [`subject_hash`] per position where the source names subjects, and a root over them all.
///
/// Serde writes it as one object; pretty-printed JSON puts one hash on a line, which an auditor
/// can search with any tool. Reading recomputes the root, so a manifest in memory is consistent.
///
/// A manifest holds no record and no name, but its hashes are not salted: whoever can guess a
/// whole record or list the subjects can confirm the guess. Treat it as confidential as
/// pseudonymous data are; publish its root, and a [`commitment`](crate::commitment()) to the
/// deleted records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Manifest {
    dataset: String,
    source: String,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    records: Vec<Digest>,
    labels: Option<Vec<u32>>,
    subjects: Option<Vec<Digest>>,
    root: Digest,
}

/// Why a manifest cannot be made or read, or does not describe a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The values have been standardised, so they are not those the manifest identifies.
    #[error("the dataset has been standardised: make and verify manifests before standardising")]
    Standardised,
    /// The shape of one input differs.
    #[error("inputs have shape {found:?}, the manifest says {expected:?}: load the right dataset")]
    Shape {
        /// Shape in the dataset.
        found: Vec<usize>,
        /// Shape in the manifest.
        expected: Vec<usize>,
    },
    /// The classes differ.
    #[error("classes are {found:?}, the manifest says {expected:?}: load the right dataset")]
    Classes {
        /// Classes in the dataset.
        found: Vec<String>,
        /// Classes in the manifest.
        expected: Vec<String>,
    },
    /// A record differs; the first one that does.
    #[error(
        "record {position} has hash {found}, the manifest says {expected}: \
         the data have changed since the manifest was made; restore them"
    )]
    Record {
        /// Position of the record.
        position: usize,
        /// Hash of the record in the dataset.
        found: Digest,
        /// Hash in the manifest.
        expected: Digest,
    },
    /// The subject of a record differs; the first one that does.
    #[error(
        "the subject of record {position} is not the one in the manifest: \
         the data have changed since the manifest was made; restore them"
    )]
    Subject {
        /// Position of the record.
        position: usize,
    },
    /// The number of records differs (those both have agree).
    #[error("{found} records, the manifest lists {expected}: records were added or removed")]
    Count {
        /// Records in the dataset, in the selection, or listed in the file.
        found: usize,
        /// Records in the manifest.
        expected: usize,
    },
    /// The file is of another kind or version.
    #[error("manifest format `{0}` is not `{FORMAT}`: made by another version of Rescind")]
    Format(String),
    /// The file's root is not that of its contents.
    #[error("the manifest's root is {found}, its contents have {expected}: the file was altered")]
    Root {
        /// Root in the file.
        found: Digest,
        /// Root of the file's contents.
        expected: Digest,
    },
}

impl Manifest {
    /// Hashes every record. `source` says where they came from, as a note for the reader.
    ///
    /// # Errors
    /// [`ManifestError::Standardised`] if the values have been changed already.
    pub fn new(dataset: &Dataset, source: impl Into<String>) -> Result<Self, ManifestError> {
        if dataset.is_standardised() {
            return Err(ManifestError::Standardised);
        }
        let records: Vec<Digest> = (0..dataset.len())
            .into_par_iter()
            .filter_map(|i| hash_at(dataset, i))
            .collect();
        let subjects = dataset.subjects().map(|subjects| {
            subjects
                .iter()
                .map(|subject| subject_hash(subject))
                .collect()
        });
        let mut manifest = Self {
            dataset: dataset.name().to_owned(),
            source: source.into(),
            input_shape: dataset.input_shape().to_vec(),
            class_names: dataset.class_names().to_vec(),
            records,
            labels: Some(dataset.labels().to_vec()),
            subjects,
            root: Digest::finalize(&blake3::Hasher::new()),
        };
        manifest.root = manifest.compute_root();
        Ok(manifest)
    }
    /// The manifest of records that are known by their identities alone: without a shape, and
    /// without classes. `subjects` says whose each of them is.
    ///
    /// # Errors
    /// [`ManifestError::Count`] for subjects of another number than the records.
    pub fn of_identities(
        dataset: impl Into<String>,
        identities: Vec<Digest>,
        subjects: Option<&[String]>,
    ) -> Result<Self, ManifestError> {
        let subjects: Option<Vec<Digest>> = subjects.map(|subjects| {
            subjects
                .iter()
                .map(|subject| subject_hash(subject))
                .collect()
        });
        let (found, expected) = (
            subjects.as_ref().map_or(identities.len(), Vec::len),
            identities.len(),
        );
        if found != expected {
            return Err(ManifestError::Count { found, expected });
        }
        let dataset = dataset.into();
        let mut manifest = Self {
            source: dataset.clone(),
            dataset,
            input_shape: Vec::new(),
            class_names: Vec::new(),
            records: identities,
            labels: None,
            subjects,
            root: Digest::finalize(&blake3::Hasher::new()),
        };
        manifest.root = manifest.compute_root();
        Ok(manifest)
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

    /// The hash of every record, by position.
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

    /// The hash of every record's subject, by position, where the source names subjects.
    pub fn subjects(&self) -> Option<&[Digest]> {
        self.subjects.as_deref()
    }

    /// One digest over everything but the source: BLAKE3 in key-derivation mode, context
    /// `rescind-data 2026 manifest v2`, over the name, the shape, the number of classes and their
    /// names, the number of records and their hashes, the number of subjects (0 if unnamed) and
    /// their hashes; numbers as little-endian u64, each text preceded by its length in bytes.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The hashes of the selected records, in order of position, to commit to.
    ///
    /// # Errors
    /// [`ManifestError::Count`] if the selection is of a dataset of another size.
    pub fn hashes_of(&self, selection: &Selection) -> Result<Vec<Digest>, ManifestError> {
        self.check_count(selection.records())?;
        Ok(selection
            .positions()
            .iter()
            .map(|&position| self.records[position])
            .collect())
    }

    /// Checks that a dataset holds the records this manifest lists, in order. The name and the
    /// source may differ.
    ///
    /// # Errors
    /// [`ManifestError`] names the first difference: shape, classes, the first record or subject
    /// that differs, or the count.
    pub fn verify(&self, dataset: &Dataset) -> Result<(), ManifestError> {
        let found = Self::new(dataset, "")?;
        if found.input_shape != self.input_shape {
            let expected = self.input_shape.clone();
            return Err(ManifestError::Shape {
                found: found.input_shape,
                expected,
            });
        }
        if found.class_names != self.class_names {
            let expected = self.class_names.clone();
            return Err(ManifestError::Classes {
                found: found.class_names,
                expected,
            });
        }
        let pairs = found.records.iter().zip(&self.records).enumerate();
        for (position, (&found, &expected)) in pairs {
            if found != expected {
                return Err(ManifestError::Record {
                    position,
                    found,
                    expected,
                });
            }
        }
        self.check_count(found.records.len())?;
        let subject =
            |of: &Self, i: usize| of.subjects.as_ref().and_then(|all| all.get(i).copied());
        match (0..self.records.len()).find(|&i| subject(&found, i) != subject(self, i)) {
            Some(position) => Err(ManifestError::Subject { position }),
            None => Ok(()),
        }
    }

    /// The records of `retain` whose contents equal those of a record in `forget`.
    ///
    /// Deleting one copy of a record that is stored twice forgets nothing: report these, or
    /// delete them too. Only exact copies are found.
    ///
    /// # Errors
    /// [`ManifestError::Count`] if a selection is of a dataset of another size.
    pub fn duplicates_outside(
        &self,
        forget: &Selection,
        retain: &Selection,
    ) -> Result<Selection, ManifestError> {
        let forgotten: HashSet<Digest> = self.hashes_of(forget)?.into_iter().collect();
        self.check_count(retain.records())?;
        let copies = retain.positions().iter().copied();
        let copies = copies.filter(|&position| forgotten.contains(&self.records[position]));
        Ok(Selection::of_sorted(self.records.len(), copies.collect()))
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
        let mut hasher = blake3::Hasher::new_derive_key("rescind-data 2026 manifest v2");
        hash_text(&mut hasher, &self.dataset);
        hash_shape(&mut hasher, &self.input_shape);
        hasher.update(&(self.class_names.len() as u64).to_le_bytes());
        for class_name in &self.class_names {
            hash_text(&mut hasher, class_name);
        }
        for digests in [
            self.records.as_slice(),
            self.subjects.as_deref().unwrap_or_default(),
        ] {
            hasher.update(&(digests.len() as u64).to_le_bytes());
            for digest in digests {
                hasher.update(digest.as_bytes());
            }
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        hasher.update(&(labels.len() as u64).to_le_bytes());
        for label in labels {
            hasher.update(&label.to_le_bytes());
        }
        Digest::finalize(&hasher)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    dataset: String,
    source: String,
    root: Digest,
    count: usize,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    records: Vec<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subjects: Option<Vec<Digest>>,
}

impl From<Manifest> for Written {
    fn from(manifest: Manifest) -> Self {
        Self {
            format: FORMAT.to_owned(),
            dataset: manifest.dataset,
            source: manifest.source,
            root: manifest.root,
            count: manifest.records.len(),
            input_shape: manifest.input_shape,
            class_names: manifest.class_names,
            records: manifest.records,
            labels: manifest.labels,
            subjects: manifest.subjects,
        }
    }
}

impl TryFrom<Written> for Manifest {
    type Error = ManifestError;

    fn try_from(written: Written) -> Result<Self, ManifestError> {
        if written.format != FORMAT {
            return Err(ManifestError::Format(written.format));
        }
        let subjects = written.subjects.as_ref().map_or(written.count, Vec::len);
        let labels = written.labels.as_ref().map_or(written.count, Vec::len);
        for found in [written.records.len(), labels, subjects] {
            if found != written.count {
                return Err(ManifestError::Count {
                    found,
                    expected: written.count,
                });
            }
        }
        let manifest = Self {
            dataset: written.dataset,
            source: written.source,
            input_shape: written.input_shape,
            class_names: written.class_names,
            records: written.records,
            labels: written.labels,
            subjects: written.subjects,
            root: written.root,
        };
        let expected = manifest.compute_root();
        if manifest.root == expected {
            Ok(manifest)
        } else {
            Err(ManifestError::Root {
                found: manifest.root,
                expected,
            })
        }
    }
}
