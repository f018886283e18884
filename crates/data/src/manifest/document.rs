//! Manifests as bytes.

use super::fronts::Fronts;
use super::{Manifest, ManifestError};
use crate::digest::Digest;
use crate::selection::Selection;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

const FORMAT: &str = "rescind-manifest-5";

impl Manifest {
    /// The manifest as CBOR (RFC 8949), described in `docs/formats.md`.
    ///
    /// # Errors
    /// None that this type can meet; [`ManifestError::Document`] is what a serialiser may say.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let written = Written {
            format: FORMAT.to_owned(),
            secret: Packed(vec![self.secret]),
            dataset: self.dataset.clone(),
            source: self.source.clone(),
            root: Packed(vec![self.root]),
            input_shape: self.input_shape.clone(),
            class_names: self.class_names.clone(),
            records: Packed(self.records.clone()),
            labels: self.labels.clone().map(Packed),
            subjects: self.subjects.clone().map(Packed),
            test_subjects: Packed(self.test_subjects.clone()),
            lines: self.lines.clone().map(Packed),
            test_lines: Packed(self.test_lines.clone()),
            validation: self.validation.clone(),
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&written, &mut bytes).map_err(document)?;
        Ok(bytes)
    }

    /// Reads it, and computes its root again.
    ///
    /// # Errors
    /// [`ManifestError::Document`] for anything but a manifest of this version;
    /// [`ManifestError::Root`] for one that was altered.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut rest = bytes;
        let written: Written = ciborium::from_reader(&mut rest).map_err(document)?;
        if written.format != FORMAT {
            return Err(document(format!("its format is `{}`", written.format)));
        }
        if !rest.is_empty() {
            return Err(document("more follows its end"));
        }
        let count = written.records.0.len();
        let subjects = written.subjects.as_ref().map_or(count, |all| all.0.len());
        let labels = written.labels.as_ref().map_or(count, |all| all.0.len());
        let lines = written.lines.as_ref().map_or(count, |all| all.0.len());
        for found in [subjects, labels, lines, written.validation.records()] {
            if found != count {
                return Err(ManifestError::Count {
                    found,
                    expected: count,
                });
            }
        }
        let classes = written.class_names.len();
        let labels = written.labels.iter().flat_map(|all| &all.0);
        if labels.into_iter().any(|&label| label as usize >= classes) {
            return Err(document("a label names no class"));
        }
        let ([secret], [root]) = (written.secret.0.as_slice(), written.root.0.as_slice()) else {
            return Err(document("its secret or its root is not of 32 bytes"));
        };
        let manifest = Self {
            secret: *secret,
            root: *root,
            dataset: written.dataset,
            source: written.source,
            input_shape: written.input_shape,
            class_names: written.class_names,
            records: written.records.0,
            labels: written.labels.map(|all| all.0),
            subjects: written.subjects.map(|all| all.0),
            test_subjects: written.test_subjects.0,
            lines: written.lines.map(|all| all.0),
            test_lines: written.test_lines.0,
            validation: written.validation,
            fronts: Fronts::default(),
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

fn document(reason: impl fmt::Display) -> ManifestError {
    ManifestError::Document {
        reason: reason.to_string(),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    secret: Packed<Digest>,
    dataset: String,
    source: String,
    root: Packed<Digest>,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    records: Packed<Digest>,
    labels: Option<Packed<u32>>,
    subjects: Option<Packed<Digest>>,
    test_subjects: Packed<Digest>,
    lines: Option<Packed<u64>>,
    test_lines: Packed<u64>,
    validation: Selection,
}

/// Items of the same size one after another, as one string of bytes.
struct Packed<T>(Vec<T>);

/// What is written as so many bytes.
trait Item: Copy {
    /// How many.
    const SIZE: usize;
    /// What they are called.
    const NAME: &'static str;
    fn write(self, to: &mut Vec<u8>);
    /// From exactly as many.
    fn read(from: &[u8]) -> Option<Self>;
}

macro_rules! item {
    ($kind:ty, $size:literal, $name:literal, $bytes:expr, $of:expr) => {
        impl Item for $kind {
            const SIZE: usize = $size;
            const NAME: &'static str = $name;

            fn write(self, to: &mut Vec<u8>) {
                to.extend_from_slice(&$bytes(&self));
            }

            fn read(from: &[u8]) -> Option<Self> {
                from.try_into().ok().map($of)
            }
        }
    };
}

item!(
    Digest,
    32,
    "digests of 32 bytes each",
    |own: &Digest| *own.as_bytes(),
    |bytes: [u8; 32]| Digest::from(bytes)
);
item!(
    u32,
    4,
    "numbers of 4 bytes each",
    |own: &u32| own.to_le_bytes(),
    u32::from_le_bytes
);
item!(
    u64,
    8,
    "numbers of 8 bytes each",
    |own: &u64| own.to_le_bytes(),
    u64::from_le_bytes
);

impl<T: Item> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * T::SIZE);
        self.0.iter().for_each(|item| item.write(&mut bytes));
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T: Item> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes<T>(PhantomData<T>);
        impl<T: Item> Visitor<'_> for Bytes<T> {
            type Value = Packed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::NAME)
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Packed<T>, E> {
                let items: Option<Vec<T>> = bytes.chunks(T::SIZE).map(T::read).collect();
                items
                    .map(Packed)
                    .ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Packed<T>, E> {
                self.visit_bytes(&bytes)
            }
        }
        deserializer
            .deserialize_byte_buf(Bytes(PhantomData))
            .map_err(D::Error::custom)
    }
}
