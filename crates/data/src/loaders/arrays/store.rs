//! Arrays by name: members of an NPZ file, or NPY files of one folder.

use super::excerpt::excerpt;
use crate::error::DataError;
use crate::loaders::file;
use crate::loaders::unpack::{self, Limited, MAX_BYTES};
use crate::source::ArrayFormat;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Where arrays are.
pub(super) enum Store {
    Npy(PathBuf),
    Npz(PathBuf, Box<ZipArchive<BufReader<File>>>),
}

/// The bytes of one array.
pub(super) struct Bytes<'a> {
    pub path: PathBuf,
    pub name: String,
    pub reader: Box<dyn Read + 'a>,
}

impl Store {
    pub fn open(path: &Path, format: ArrayFormat) -> Result<Self, DataError> {
        match format {
            ArrayFormat::Npy => Ok(Self::Npy(path.to_owned())),
            ArrayFormat::Npz => {
                let (file, _) = file::open(path)?;
                let archive = ZipArchive::new(BufReader::new(file));
                let archive = archive.map_err(|error| damaged(path, &error))?;
                Ok(Self::Npz(path.to_owned(), Box::new(archive)))
            }
        }
    }

    /// The array of this name; of NPY files the empty name is that of the first. Where `rows` are
    /// given, these alone, of NPY files.
    pub fn array(&mut self, name: &str, rows: Option<&[u64]>) -> Result<Bytes<'_>, DataError> {
        match self {
            Self::Npy(first) => {
                let path = match name {
                    "" => first.clone(),
                    name => first.with_file_name(name),
                };
                let (mut file, _) = file::open(&path)?;
                let reader: Box<dyn Read> = match rows {
                    None => Box::new(BufReader::new(Limited::new(file, MAX_BYTES))),
                    Some(rows) => Box::new(Cursor::new(excerpt(&path, &mut file, rows)?)),
                };
                Ok(Bytes {
                    path,
                    name: name.to_owned(),
                    reader,
                })
            }
            Self::Npz(path, archive) => {
                let member = format!("{name}.npy");
                if archive.index_for_name(&member).is_none() {
                    let known = archive.file_names().flatten();
                    let known = known.map(|name| name.trim_end_matches(".npy").to_owned());
                    let known: Vec<String> = known.take(30).collect();
                    return Err(DataError::Column {
                        path: path.clone(),
                        column: name.to_owned(),
                        problem: "is no array of this file: check the spelling",
                        known,
                    });
                }
                let member = archive.by_name(&member);
                let member = member.map_err(|error| damaged(path, &error))?;
                let limit = unpack::limit(member.compressed_size());
                Ok(Bytes {
                    path: path.clone(),
                    name: name.to_owned(),
                    reader: Box::new(BufReader::new(Limited::new(member, limit))),
                })
            }
        }
    }
}

fn damaged(path: &Path, error: &zip::result::ZipError) -> DataError {
    DataError::Table {
        path: path.to_owned(),
        format: "NPZ",
        reason: error.to_string(),
    }
}
