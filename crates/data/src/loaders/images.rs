//! Folders of pictures, PNG, JPEG or WebP, all of one size: `train/CLASS/*` and `test/CLASS/*`, or
//! folders of classes of which a share is drawn for testing.

use super::picture::decode;
use crate::dataset::{Data, Dataset};
use crate::error::DataError;
use crate::identity::record_hash;
use crate::normal::{normal, same_name};
use crate::reading::Reading;
use crate::source::ImageOptions;
use crate::split::falls_into_test;
use rayon::prelude::*;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Values decoded between two looks at whether the reading is to stop; bounds what is held twice in
/// memory.
const BLOCK: usize = 1 << 22;
/// Pictures at least, so that no processor waits for another.
const LEAST: usize = 16;

/// Reads the pictures class by class, both in order of name (by byte), whatever order the file
/// system lists them in. Names that begin with a dot are passed over; any other file that is not
/// a picture is refused, lest a record be lost unseen.
pub(crate) fn load(
    folder: &Path,
    options: &ImageOptions,
    reading: &mut Reading<'_>,
) -> Result<Data, DataError> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("images");
    let layout = Layout::of(folder, options, reading)?;
    let train = listing(&layout.train)?;
    let test = layout.test.as_deref().map(listing).transpose()?;
    let classes: Vec<String> = match reading.classes() {
        Some(classes) => classes.to_vec(),
        None => {
            let mut classes: Vec<String> = train.iter().map(|(class, _)| normal(class)).collect();
            classes.sort();
            classes.dedup();
            classes
        }
    };
    let shape = match *reading.input_shape().unwrap_or_default() {
        [channels, height, width] => [channels, height, width],
        _ => match train.iter().find_map(|(_, paths)| paths.first()) {
            Some(first) => decode(first, None)?.0,
            None => {
                return Err(DataError::NoRecords {
                    path: layout.train,
                    advice: "expected one folder per class with PNG, JPEG or WebP pictures",
                });
            }
        },
    };
    let mut parts = [Part::default(), Part::default()];
    let listings = [Some(&layout.train), layout.test.as_ref()]
        .into_iter()
        .flatten()
        .zip([train, test.unwrap_or_default()]);
    for (at, (root, listing)) in listings.enumerate() {
        let mut pictures = Vec::new();
        for (class, paths) in listing {
            let label = classes.iter().position(|known| same_name(known, &class));
            let label = label.ok_or_else(|| DataError::Format {
                path: root.join(&class),
                what: "the class",
                found: format!("`{class}`"),
                expected: format!("one of {}", classes.join(", ")),
                advice: "rename or remove the folder",
            });
            if let Some(label) = reading.passing(label)? {
                pictures.extend(paths.into_iter().map(|path| (path, label)));
            }
        }
        let values = shape.iter().product::<usize>().max(1);
        for block in pictures.chunks((BLOCK / values).clamp(LEAST, 1024)) {
            let read_so_far: usize = parts.iter().map(|part| part.labels.len()).sum();
            reading.read_so_far(read_so_far as u64, folder)?;
            let decoded = block.par_iter().map(|(path, _)| decode(path, Some(shape)));
            // Collected in order first: the error shown is that of the first picture that fails.
            for (picture, (_, label)) in decoded.collect::<Vec<_>>().into_iter().zip(block) {
                if let Some((_, values)) = reading.passing(picture)? {
                    let drawn = layout.fraction.is_some_and(|fraction| {
                        let identity = record_hash(&shape, &classes[*label], &values);
                        falls_into_test(&identity, fraction)
                    });
                    let part = &mut parts[at | usize::from(drawn)];
                    part.inputs.extend(values);
                    part.labels.push(*label as u32);
                }
            }
        }
    }
    let dataset = |part: Part| {
        let (inputs, labels) = (part.inputs, part.labels);
        Dataset::new(name, shape.to_vec(), classes.clone(), inputs, labels)
    };
    let [train, test] = parts;
    if train.labels.is_empty() && reading.input_shape().is_none() {
        return Err(DataError::NoRecords {
            path: layout.train,
            advice: "add pictures or give a smaller test fraction",
        });
    }
    Ok(Data {
        train: dataset(train)?,
        test: dataset(test)?,
    })
}

#[derive(Default)]
struct Part {
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

/// Which folders hold folders of classes, and the share of the first that is drawn for testing.
struct Layout {
    train: PathBuf,
    test: Option<PathBuf>,
    fraction: Option<f64>,
}

impl Layout {
    /// What a source means must not depend on which pictures are still there: where a part has
    /// left since the first reading, the folder is laid out as before.
    fn of(folder: &Path, options: &ImageOptions, reading: &Reading<'_>) -> Result<Self, DataError> {
        let [train, test, val] = ["train", "test", "val"].map(|name| folder.join(name));
        let test = [test, val].into_iter().find(|path| path.is_dir());
        let given = options.test_fraction;
        let wrong = |what, found: String, expected: String, advice| {
            let path = folder.to_owned();
            Err(DataError::Format {
                path,
                what,
                found,
                expected,
                advice,
            })
        };
        match (train.is_dir(), test, given) {
            (true, None, None) if !reading.passes_over() => wrong(
                "the part for testing",
                "missing".to_owned(),
                "a folder `test` or `val` beside `train`".to_owned(),
                "add it, or have a share of `train` kept for testing: images:DIR?test=0.2, or 0 \
                 for none",
            ),
            (true, test, None) => Ok(Layout {
                train,
                test,
                fraction: None,
            }),
            (_, Some(test), Some(fraction)) => wrong(
                "the test fraction",
                fraction.to_string(),
                format!("none, as there is {}", test.display()),
                "leave ?test= out",
            ),
            (false, Some(_), None) => Err(DataError::Missing {
                path: train,
                advice: "expected it beside the part for testing, or folders of classes and \
                         neither"
                    .to_owned(),
            }),
            (has_train, None, given) => Ok(Layout {
                train: match has_train {
                    true => train,
                    false => folder.to_owned(),
                },
                test: None,
                fraction: Some(given.unwrap_or(0.2)),
            }),
        }
    }
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
            if !matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg" | "webp")) {
                return Err(unexpected(
                    path,
                    "a .png, .jpg, .jpeg or .webp file",
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
            advice: "expected a folder of folders of pictures, one per class, or of `train` and \
                     `test` with such folders"
                .into(),
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
