//! Folders of pictures: `train/CLASS/*` and `test/CLASS/*`, PNG or JPEG, all of one size.

use super::picture::decode;
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::reading::Reading;
use rayon::prelude::*;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Pictures decoded between two checks for an error; bounds what is held twice in memory.
const BLOCK: usize = 1024;

/// Reads the pictures class by class, both in order of name (by byte), whatever order the file
/// system lists them in. Names that begin with a dot are passed over; any other file that is not
/// a picture is refused, lest a record be lost unseen.
pub(crate) fn load(folder: &Path, reading: &mut Reading<'_>) -> Result<Data, DataError> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("images");
    let train = listing(&folder.join("train"))?;
    let test = listing(&folder.join("test"))?;
    let classes: Vec<String> = match reading.classes() {
        Some(classes) => classes.to_vec(),
        None => train.iter().map(|(class, _)| class.clone()).collect(),
    };
    let shape = match *reading.input_shape().unwrap_or_default() {
        [channels, height, width] => [channels, height, width],
        _ => match train.iter().find_map(|(_, paths)| paths.first()) {
            Some(first) => decode(first, None)?.0,
            None => {
                return Err(DataError::NoRecords {
                    path: folder.join("train"),
                    advice: "expected one folder per class with PNG or JPEG pictures",
                });
            }
        },
    };
    let mut part = |part: &str, listing: Vec<(String, Vec<PathBuf>)>| {
        let mut pictures = Vec::new();
        for (class, paths) in listing {
            let at = classes.iter().position(|known| *known == class);
            let label = at.ok_or_else(|| DataError::Format {
                path: folder.join(part).join(&class),
                what: "the class",
                found: format!("`{class}`"),
                expected: format!("one of {}", classes.join(", ")),
                advice: "rename or remove the folder",
            });
            if let Some(label) = reading.passing(label)? {
                pictures.extend(paths.into_iter().map(|path| (path, label as u32)));
            }
        }
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        for block in pictures.chunks(BLOCK) {
            let decoded = block.par_iter().map(|(path, _)| decode(path, Some(shape)));
            // Collected in order first: the error shown is that of the first picture that fails.
            for (picture, (_, label)) in decoded.collect::<Vec<_>>().into_iter().zip(block) {
                if let Some((_, values)) = reading.passing(picture)? {
                    inputs.extend(values);
                    labels.push(*label);
                }
            }
        }
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
