//! Manifests as bytes.

use super::{Manifest, ManifestError};
use crate::digest::Digest;
use crate::selection::Selection;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const FORMAT: &str = "rescind-manifest-4";

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
            labels: self.labels.clone(),
            subjects: self.subjects.clone().map(Packed),
            test_subjects: Packed(self.test_subjects.clone()),
            lines: self.lines.clone(),
            test_lines: self.test_lines.clone(),
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
        let labels = written.labels.as_ref().map_or(count, Vec::len);
        let lines = written.lines.as_ref().map_or(count, Vec::len);
        for found in [subjects, labels, lines, written.validation.records()] {
            if found != count {
                return Err(ManifestError::Count {
                    found,
                    expected: count,
                });
            }
        }
        let classes = written.class_names.len();
        if written
            .labels
            .iter()
            .flatten()
            .any(|&l| l as usize >= classes)
        {
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
            labels: written.labels,
            subjects: written.subjects.map(|all| all.0),
            test_subjects: written.test_subjects.0,
            lines: written.lines,
            test_lines: written.test_lines,
            validation: written.validation,
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
    secret: Packed,
    dataset: String,
    source: String,
    root: Packed,
    input_shape: Vec<usize>,
    class_names: Vec<String>,
    records: Packed,
    labels: Option<Vec<u32>>,
    subjects: Option<Packed>,
    test_subjects: Packed,
    lines: Option<Vec<u64>>,
    test_lines: Vec<u64>,
    validation: Selection,
}

/// Digests one after another, as one string of bytes.
struct Packed(Vec<Digest>);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|own| *own.as_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Packed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("digests of 32 bytes each")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Packed, E> {
                let (digests, rest) = bytes.as_chunks::<32>();
                match rest {
                    [] => Ok(Packed(digests.iter().copied().map(Digest::from).collect())),
                    _ => Err(E::invalid_length(bytes.len(), &self)),
                }
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Packed, E> {
                self.visit_bytes(&bytes)
            }
        }
        deserializer
            .deserialize_byte_buf(Bytes)
            .map_err(D::Error::custom)
    }
}
