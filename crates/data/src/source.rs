//! Where records come from, as one writes it.

use crate::arrays::{ArrayOptionError, ArrayOptions, parse_arrays, write_arrays};
use crate::table::{OptionError, TableOptions, parse, write};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;

/// Where records come from, written (also by serde) as
///
/// | text | records |
/// |---|---|
/// | `digits` | the embedded 8×8 handwritten digits, the default |
/// | `mnist:DIR` | IDX files, gzipped or not (also data sets of the same format) |
/// | `cifar10:DIR` | CIFAR-10's batches, binary or Python, in DIR or in the folder that they unpack to |
/// | `cifar100:DIR` | CIFAR-100's, with the 100 fine classes |
/// | `svhn:DIR` | `train_32x32.mat` and `test_32x32.mat` |
/// | `images:DIR` | pictures (PNG, JPEG, WebP) all of one size: `DIR/train/CLASS/*` and `DIR/test/CLASS/*` (or `val`) |
/// | `images:DIR?test=FRACTION` | pictures in `DIR/CLASS/*`, or in `DIR/train/CLASS/*` without a test folder: see [`ImageOptions`] |
/// | `csv:FILE?label=COLUMN&subject=COLUMN&test=FRACTION` | a table of text, gzipped or not |
/// | `parquet:FILE?label=COLUMN&subject=COLUMN&test=FRACTION` | a Parquet file |
/// | `npz:FILE?inputs=NAME&label=NAME&subject=NAME&test=FRACTION` | NumPy arrays in one file, or with `test_inputs=NAME&test_label=NAME` for `test` |
/// | `npy:FILE?label=FILE&subject=FILE&test=FRACTION` | NumPy arrays, the others in the same folder |
///
/// Tables have more options, joined by `&` ([`TableOptions`]):
///
/// | option | meaning |
/// |---|---|
/// | `keep=A,B` | these columns alone are inputs |
/// | `drop=A,B` | these are not |
/// | `categories=A:x\|y\|z` | an input for each of these texts in column A, and one for all others |
/// | `hash=A,B:64` | texts hashed to as many inputs, 32 if no number is given |
/// | `range=A:0:120` | numbers scaled so that these two become −1 and 1 |
/// | `missing=HOW` | `refuse` (the default), `drop` the row, `mark` with an input of its own, or a number |
/// | `separator=NAME` | `comma`, `semicolon`, `tab` or `bar`, rather than the one of the first line |
/// | `decimal=comma` | numbers are written with a decimal comma |
///
/// In names and values `%26` stands for `&`, `%3D` for `=`, `%3F` for `?`, `%25` for `%`, and in
/// lists `%2C` for `,`, `%3A` for `:`, `%7C` for `|`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DataSource {
    /// The embedded handwritten digits.
    #[default]
    Digits,
    /// A folder of IDX files.
    Mnist(PathBuf),
    /// A folder of CIFAR-10's batches.
    Cifar10(PathBuf),
    /// A folder of CIFAR-100's batches.
    Cifar100(PathBuf),
    /// A folder of SVHN's cropped digits.
    Svhn(PathBuf),
    /// A folder of picture folders.
    Images {
        /// The folder.
        path: PathBuf,
        /// How it is split.
        options: ImageOptions,
    },
    /// A table.
    Table {
        /// What kind of file it is.
        format: TableFormat,
        /// The file.
        path: PathBuf,
        /// What its columns mean.
        options: TableOptions,
    },
    /// NumPy arrays.
    Arrays {
        /// What kind of file they are in.
        format: ArrayFormat,
        /// The file, that of the inputs where each array has its own.
        path: PathBuf,
        /// Which of them hold what.
        options: ArrayOptions,
    },
}

/// What kind of file NumPy arrays are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayFormat {
    /// A file for each.
    Npy,
    /// One for all.
    Npz,
}

impl ArrayFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Npz => "npz",
        }
    }
}

/// What kind of file a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Text with a separator between cells, the columns named by the first line.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// How a folder of pictures is split that has no test part of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ImageOptions {
    /// The expected fraction of pictures in the test part, from 0 up to, not including, 1; 0.2 if
    /// absent. Which part a picture falls in depends on its contents and class alone: removing
    /// pictures moves no other one. Refused where the folder has a test part.
    pub test_fraction: Option<f64>,
}

impl DataSource {
    /// The folders of pictures here.
    #[must_use]
    pub fn images(path: impl Into<PathBuf>) -> Self {
        Self::Images {
            path: path.into(),
            options: ImageOptions::default(),
        }
    }

    /// Whether its classes are published with the data set, whatever records a copy of it holds.
    /// Those of tables and of folders of pictures are the ones that their records have.
    #[must_use]
    pub fn has_published_classes(&self) -> bool {
        match self {
            Self::Digits
            | Self::Mnist(_)
            | Self::Cifar10(_)
            | Self::Cifar100(_)
            | Self::Svhn(_) => true,
            Self::Images { .. } | Self::Table { .. } | Self::Arrays { .. } => false,
        }
    }
}

/// A text that names no source of records.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Not a known kind of source.
    #[error(
        "`{0}` is not a data source: expected digits, mnist:DIR, cifar10:DIR, cifar100:DIR, svhn:DIR, \
         images:DIR, csv:FILE?label=COLUMN, parquet:FILE?label=COLUMN, \
         npz:FILE?inputs=NAME&label=NAME or npy:FILE?label=FILE"
    )]
    Kind(String),
    /// No folder or file after the colon.
    #[error("`{0}` names no folder or file: write it after the colon, such as {0}:data")]
    Path(String),
    /// An option of a folder of pictures without a usable value.
    #[error("`{0}` is not an option of images: expected test=FRACTION with 0 <= FRACTION < 1")]
    ImageOption(String),
    /// Options of arrays.
    #[error("{text}: {error}")]
    Arrays {
        /// The source.
        text: String,
        /// What is wrong with its options.
        error: ArrayOptionError,
    },
    /// A table's options.
    #[error("{text}: {error}")]
    Table {
        /// The source.
        text: String,
        /// What is wrong with its options.
        error: OptionError,
    },
}

impl FromStr for DataSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        let path = || match rest {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err(SourceError::Path(kind.to_owned())),
        };
        match kind {
            "digits" if rest.is_none() => Ok(Self::Digits),
            "mnist" => path().map(Self::Mnist),
            "cifar10" => path().map(Self::Cifar10),
            "cifar100" => path().map(Self::Cifar100),
            "svhn" => path().map(Self::Svhn),
            "images" => {
                let (path, options) = image_options(path()?)?;
                Ok(Self::Images { path, options })
            }
            "csv" => table(TableFormat::Csv, text, path()?),
            "parquet" => table(TableFormat::Parquet, text, path()?),
            "npy" => arrays(ArrayFormat::Npy, text, path()?),
            "npz" => arrays(ArrayFormat::Npz, text, path()?),
            _ => Err(SourceError::Kind(text.to_owned())),
        }
    }
}

/// The folder, and what is written after its last `?`.
fn image_options(written: PathBuf) -> Result<(PathBuf, ImageOptions), SourceError> {
    let options = ImageOptions::default();
    let split = written
        .to_str()
        .and_then(|text| text.rsplit_once('?'))
        .and_then(|(path, option)| Some((path, option.strip_prefix("test=")?)));
    let Some((path, fraction)) = split else {
        return Ok((written, options));
    };
    if path.is_empty() {
        return Err(SourceError::Path("images".to_owned()));
    }
    match fraction.parse() {
        Ok(fraction) if (0.0..1.0).contains(&fraction) => {
            let test_fraction = Some(fraction);
            Ok((path.into(), ImageOptions { test_fraction }))
        }
        _ => Err(SourceError::ImageOption(format!("test={fraction}"))),
    }
}

fn table(format: TableFormat, text: &str, whole: PathBuf) -> Result<DataSource, SourceError> {
    let wrong = |error| SourceError::Table {
        text: text.to_owned(),
        error,
    };
    // The last `?`: the options hold none, but a file name may.
    let (path, options) = whole
        .to_str()
        .and_then(|rest| rest.rsplit_once('?'))
        .ok_or_else(|| wrong(OptionError::Label))?;
    if path.is_empty() {
        return Err(SourceError::Path(format.name().to_owned()));
    }
    Ok(DataSource::Table {
        format,
        path: path.into(),
        options: parse(options).map_err(wrong)?,
    })
}

fn arrays(format: ArrayFormat, text: &str, whole: PathBuf) -> Result<DataSource, SourceError> {
    let wrong = |error| SourceError::Arrays {
        text: text.to_owned(),
        error,
    };
    let (path, options) = whole
        .to_str()
        .and_then(|rest| rest.rsplit_once('?'))
        .ok_or_else(|| wrong(ArrayOptionError::Missing("classes: add ?label=NAME")))?;
    if path.is_empty() {
        return Err(SourceError::Path(format.name().to_owned()));
    }
    let inputs_known = format == ArrayFormat::Npy;
    Ok(DataSource::Arrays {
        format,
        path: path.into(),
        options: parse_arrays(options, inputs_known).map_err(wrong)?,
    })
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits => f.write_str("digits"),
            Self::Mnist(path) => write!(f, "mnist:{}", path.display()),
            Self::Cifar10(path) => write!(f, "cifar10:{}", path.display()),
            Self::Cifar100(path) => write!(f, "cifar100:{}", path.display()),
            Self::Svhn(path) => write!(f, "svhn:{}", path.display()),
            Self::Images { path, options } => {
                write!(f, "images:{}", path.display())?;
                match options.test_fraction {
                    Some(fraction) => write!(f, "?test={fraction}"),
                    None => Ok(()),
                }
            }
            Self::Table {
                format,
                path,
                options,
            } => {
                write!(f, "{}:{}?", format.name(), path.display())?;
                write(options, f)
            }
            Self::Arrays {
                format,
                path,
                options,
            } => {
                write!(f, "{}:{}?", format.name(), path.display())?;
                write_arrays(options, f)
            }
        }
    }
}

impl TryFrom<String> for DataSource {
    type Error = SourceError;

    fn try_from(text: String) -> Result<Self, SourceError> {
        text.parse()
    }
}

impl From<DataSource> for String {
    fn from(source: DataSource) -> Self {
        source.to_string()
    }
}
