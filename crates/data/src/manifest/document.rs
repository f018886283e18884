//! Manifests as bytes: a head, and the lists that it names after it.

use super::item::{Item, Packed};
use super::list::{List, Listed};
use super::pages::{File, Pages};
use super::sorted::{Index, ListedSorted, Sorted};
use super::{Lists, Manifest, ManifestError};
use crate::digest::Digest;
use crate::selection::Selection;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{Read, Seek};

/// What a manifest's file begins with.
const BEGIN: &[u8; 19] = b"rescind-manifest-6\n";

/// The longest head that is read.
const LONGEST: u64 = 1 << 32;

/// All of a manifest but what is on its pages, whose digests it has.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    secret: Packed<Digest>,
    dataset: String,
    source: String,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    validation: Selection,
    records: Listed,
    labels: Option<Listed>,
    subjects: Option<Listed>,
    test_subjects: Listed,
    lines: Option<ListedSorted>,
    test_lines: ListedSorted,
    by_record: ListedSorted,
    by_subject: Option<ListedSorted>,
    by_test_subject: ListedSorted,
}

impl Manifest {
    /// The manifest as bytes, for its private file.
    ///
    /// # Errors
    /// What reading the pages of a manifest meets that was itself read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let head = self.head()?;
        let mut bytes = BEGIN.to_vec();
        bytes.extend((head.len() as u64).to_le_bytes());
        bytes.extend(&head);
        bytes.extend(self.root.as_bytes());
        for pages in self.lists.pages() {
            for page in pages.all() {
                bytes.extend(page?);
            }
        }
        Ok(bytes)
    }

    /// Opens it: its head is read and its root computed again; each page of its lists is read, and
    /// found unaltered, when it is first needed.
    ///
    /// # Errors
    /// [`ManifestError::Document`] for anything but a manifest of this version;
    /// [`ManifestError::Root`] for one whose head was altered; [`ManifestError::Unread`].
    pub fn open(file: impl Read + Seek + Send + 'static) -> Result<Self, ManifestError> {
        let file = File::of(file);
        let len = file.len()?;
        let fixed = (BEGIN.len() + u64::SIZE) as u64;
        if len < fixed {
            return Err(document("it is too short"));
        }
        let begin = file.read(0, BEGIN.len() + u64::SIZE)?;
        let (begin, head) = begin.split_at(BEGIN.len());
        if begin != BEGIN {
            return Err(document("it begins with something else"));
        }
        let head = u64::read(head).filter(|&head| head <= LONGEST.min(len - fixed));
        let head = head.ok_or_else(|| document("its head would be longer than all of it"))?;
        let bytes = file.read(fixed, usize::try_from(head).unwrap_or(usize::MAX))?;
        if len < fixed + head + Digest::SIZE as u64 {
            return Err(document("it ends before its root"));
        }
        let root = file.read(fixed + head, Digest::SIZE)?;
        let found = Digest::read(&root).ok_or_else(|| document("its root is not of 32 bytes"))?;
        let mut rest = &*bytes;
        let head: Head = ciborium::from_reader(&mut rest).map_err(document)?;
        if !rest.is_empty() {
            return Err(document("more follows the end of its head"));
        }
        let [secret] = head.secret.0[..] else {
            return Err(document("its secret is not of 32 bytes"));
        };
        let expected = root_of(&secret, &bytes);
        if found != expected {
            return Err(ManifestError::Root { found, expected });
        }
        let mut at = fixed + bytes.len() as u64 + root.len() as u64;
        let manifest = head.opened(secret, found, (&file, &mut at))?;
        match at == len {
            true => Ok(manifest),
            false => Err(document(format!(
                "it has {len} bytes where its head tells of {at}"
            ))),
        }
    }

    /// Reads all that was not read yet, and finds it unaltered.
    ///
    /// # Errors
    /// [`ManifestError::Altered`]; [`ManifestError::Unread`].
    pub fn check(&self) -> Result<(), ManifestError> {
        let mut pages = self.lists.pages().flat_map(Pages::all);
        pages.try_for_each(|page| page.map(|_| ()))
    }

    /// The manifest with the root that its head has.
    pub(super) fn rooted(mut self) -> Result<Self, ManifestError> {
        self.root = root_of(&self.secret, &self.head()?);
        Ok(self)
    }

    fn head(&self) -> Result<Vec<u8>, ManifestError> {
        let lists = &self.lists;
        let head = Head {
            secret: Packed(vec![self.secret]),
            dataset: self.dataset.clone(),
            source: self.source.clone(),
            input_shape: self.input_shape.clone(),
            class_names: self.class_names.clone(),
            validation: self.validation.clone(),
            records: lists.records.listed(),
            labels: lists.labels.as_ref().map(List::listed),
            subjects: lists.subjects.as_ref().map(List::listed),
            test_subjects: lists.test_subjects.listed(),
            lines: lists.lines.as_ref().map(Sorted::listed),
            test_lines: lists.test_lines.listed(),
            by_record: lists.by_record.sorted().listed(),
            by_subject: lists.by_subject.as_ref().map(|by| by.sorted().listed()),
            by_test_subject: lists.by_test_subject.sorted().listed(),
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&head, &mut bytes).map_err(document)?;
        Ok(bytes)
    }
}

impl Head {
    /// The manifest of this head, whose lists begin there in its file.
    fn opened(
        self,
        secret: Digest,
        root: Digest,
        (file, at): (&File, &mut u64),
    ) -> Result<Manifest, ManifestError> {
        // In the order in which they are written.
        let mut list = |name, listed| List::kept(secret, name, listed, (file, at));
        let records = list(Lists::RECORDS, self.records)?;
        let subjects = self.subjects.map(|of| list(Lists::SUBJECTS, of));
        let subjects = subjects.transpose()?;
        let test_subjects = list(Lists::TEST_SUBJECTS, self.test_subjects)?;
        let labels = self
            .labels
            .map(|of| List::kept(secret, Lists::LABELS, of, (file, at)));
        let labels = labels.transpose()?;
        let mut sorted = |name, listed| Sorted::kept(secret, name, listed, (file, at));
        let lines = self.lines.map(|of| sorted(Lists::LINES, of)).transpose()?;
        let test_lines = sorted(Lists::TEST_LINES, self.test_lines)?;
        let mut index = |name, listed| Index::kept(secret, name, listed, (file, at));
        let by_record = index(Lists::BY_RECORD, self.by_record)?;
        let by_subject = self.by_subject.map(|of| index(Lists::BY_SUBJECT, of));
        let by_subject = by_subject.transpose()?;
        let by_test_subject = index(Lists::BY_TEST_SUBJECT, self.by_test_subject)?;

        let count = records.len();
        let of_all = [
            labels.as_ref().map(List::len),
            subjects.as_ref().map(List::len),
            lines.as_ref().map(Sorted::len),
            by_subject.as_ref().map(|by| by.sorted().len()),
            Some(by_record.sorted().len()),
            Some(self.validation.records()),
        ];
        match of_all.into_iter().flatten().find(|&found| found != count) {
            Some(found) => Err(ManifestError::Count {
                found,
                expected: count,
            }),
            None => Ok(Manifest {
                secret,
                dataset: self.dataset,
                source: self.source,
                input_shape: self.input_shape,
                class_names: self.class_names,
                validation: self.validation,
                lists: Lists {
                    records,
                    labels,
                    subjects,
                    test_subjects,
                    lines,
                    test_lines,
                    by_record,
                    by_subject,
                    by_test_subject,
                },
                root,
            }),
        }
    }
}

fn root_of(secret: &Digest, head: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(secret.as_bytes());
    hasher.update(b"rescind-data 2026 manifest v6");
    hasher.update(head);
    Digest::finalize(&hasher)
}

fn document(reason: impl fmt::Display) -> ManifestError {
    ManifestError::Document {
        reason: reason.to_string(),
    }
}
