//! Folders of pictures: `train/CLASS/*` and `test/CLASS/*`, PNG or JPEG, all of one size.

use super::picture::decode;
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use rayon::prelude::*;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Pictures decoded between two checks for an error; bounds what is held twice in memory.
const BLOCK: usize = 1024;

/// Reads the pictures class by class, both in order of name (by byte), whatever order the file
/// system lists them in. Names that begin with a dot are passed over; any other file that is not
/// a picture is refused, lest a record be lost unseen.
pub(crate) fn load(folder: &Path) -> Result<Data, DataError> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("images");
    let train = listing(&folder.join("train"))?;
    let test = listing(&folder.join("test"))?;
    let classes: Vec<String> = train.iter().map(|(class, _)| class.clone()).collect();
    let Some(first) = train.iter().find_map(|(_, paths)| paths.first()) else {
        return Err(DataError::NoRecords {
            path: folder.join("train"),
            advice: "expected one folder per class with PNG or JPEG pictures",
        });
    };
    let shape = decode(first, None)?.0;
    let part = |part: &str, listing: Vec<(String, Vec<PathBuf>)>| {
        let mut pictures = Vec::new();
        for (class, paths) in listing {
            let label = classes
                .binary_search(&class)
                .map_err(|_| DataError::Format {
                    path: folder.join(part).join(&class),
                    what: "the class",
                    found: format!("`{class}`"),
                    expected: format!("one of {}, the folders in train", classes.join(", ")),
                    advice: "rename or remove the folder",
                })?;
            pictures.extend(paths.into_iter().map(|path| (path, label as u32)));
        }
        let mut inputs = Vec::new();
        for block in pictures.chunks(BLOCK) {
            let decoded = block.par_iter().map(|(path, _)| decode(path, Some(shape)));
            // Collected in order first: the error shown is that of the first picture that fails.
            for picture in decoded.collect::<Vec<_>>() {
                inputs.extend(picture?.1);
            }
        }
        let labels = pictures.iter().map(|&(_, label)| label).collect();
        Ok::<_, DataError>(Dataset::new(
            name,
            shape.to_vec(),
            classes.clone(),
            inputs,
            labels,
        )?)
    };
    Ok(Data {
        train: part("train", train)?,
        test: part("test", test)?,
    })
}

/// Classes and their picture files, each in order of name.
fn listing(folder: &Path) -> Result<Vec<(String, Vec<PathBuf>)>, DataError> {
    let mut classes = Vec::new();
    for (class, path) in entries(folder)? {
        if !path.is_dir() {
            return Err(unexpected(
                path,
                "a folder of one class",
                "move it into one or remove it",
            ));
        }
        let mut pictures = Vec::new();
        for (_, path) in entries(&path)? {
            let extension = path
                .extension()
                .and_then(|e| e.to_str())
                .map(str::to_ascii_lowercase);
            if !matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg")) {
                return Err(unexpected(
                    path,
                    "a .png, .jpg or .jpeg file",
                    "convert or remove it",
                ));
            }
            pictures.push(path);
        }
        classes.push((class, pictures));
    }
    Ok(classes)
}

fn unexpected(path: PathBuf, expected: &str, advice: &'static str) -> DataError {
    let found = if path.is_dir() {
        "a folder"
    } else {
        "another file"
    };
    let expected = expected.to_owned();
    DataError::Format {
        path,
        what: "this entry",
        found: found.to_owned(),
        expected,
        advice,
    }
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let io_error = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => DataError::Missing {
            path: folder.to_owned(),
            advice: "expected the folders train and test, each with one folder per class".into(),
        },
        _ => DataError::Io {
            path: folder.to_owned(),
            source,
        },
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error)? {
        let path = entry.map_err(io_error)?.path();
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .map(str::to_owned)
        else {
            return Err(unexpected(path, "a name in UTF-8", "rename it"));
        };
        if !name.starts_with('.') {
            entries.push((name, path));
        }
    }
    entries.sort();
    Ok(entries)
}
