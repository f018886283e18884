//! Where records come from, as one writes it.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
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
/// | `csv:FILE?label=COLUMN&subject=COLUMN&test=FRACTION` | a table: see [`CsvOptions`] |
///
/// In the options of `csv`, `%26` stands for `&`, `%3D` for `=`, `%3F` for `?`, `%25` for `%`.
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
    Csv {
        /// The file.
        path: PathBuf,
        /// What its columns mean.
        options: CsvOptions,
    },
}

/// What the columns of a CSV file mean, and how it is split. Every other column must be numeric.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvOptions {
    /// The column that holds the class.
    pub label: String,
    /// The column that says whose record it is, if there is one; it is not an input.
    pub subject: Option<String>,
    /// The expected fraction of records in the test part, from 0 up to, not including, 1; 0.2 if
    /// absent. Which part a record falls in depends on its subject if there is one, else on its
    /// contents, and on nothing else: deleting rows moves no other row.
    pub test_fraction: f64,
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
            Self::Images { .. } | Self::Csv { .. } => false,
        }
    }
}

impl CsvOptions {
    /// The class is in column `label`; no subjects; a fifth for testing.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            subject: None,
            test_fraction: 0.2,
        }
    }
}

/// A text that names no source of records.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Not a known kind of source.
    #[error(
        "`{0}` is not a data source: expected digits, mnist:DIR, cifar10:DIR, \
         cifar100:DIR, svhn:DIR, images:DIR or csv:FILE?label=COLUMN"
    )]
    Kind(String),
    /// No folder or file after the colon.
    #[error("`{0}` names no folder or file: write it after the colon, such as {0}:data")]
    Path(String),
    /// A CSV source that does not say which column holds the class.
    #[error("`{0}` does not say which column holds the class: add ?label=COLUMN")]
    Label(String),
    /// An option that is unknown, repeated or has no usable value.
    #[error(
        "`{0}` is not an option of csv: expected label=COLUMN, subject=COLUMN and test=FRACTION with 0 <= FRACTION < 1, each once"
    )]
    Option(String),
    /// An option of a folder of pictures without a usable value.
    #[error("`{0}` is not an option of images: expected test=FRACTION with 0 <= FRACTION < 1")]
    ImageOption(String),
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
            "csv" => {
                path()?;
                // The last `?`: the options hold none, but a file name may.
                let (path, options) = rest
                    .and_then(|rest| rest.rsplit_once('?'))
                    .ok_or_else(|| SourceError::Label(text.to_owned()))?;
                if path.is_empty() {
                    return Err(SourceError::Path(kind.to_owned()));
                }
                let options = csv_options(text, options)?;
                Ok(Self::Csv {
                    path: path.into(),
                    options,
                })
            }
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

fn csv_options(text: &str, written: &str) -> Result<CsvOptions, SourceError> {
    let (mut label, mut subject, mut test) = (None, None, None);
    for option in written.split('&') {
        let wrong = || SourceError::Option(option.to_owned());
        let (key, value) = option.split_once('=').ok_or_else(wrong)?;
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| wrong())?
            .into_owned();
        let place = match key {
            "label" => &mut label,
            "subject" => &mut subject,
            "test" => &mut test,
            _ => return Err(wrong()),
        };
        if value.is_empty() || place.replace(value).is_some() {
            return Err(wrong());
        }
    }
    let mut options = CsvOptions::new(label.ok_or_else(|| SourceError::Label(text.to_owned()))?);
    options.subject = subject;
    if let Some(fraction) = test {
        options.test_fraction = match fraction.parse() {
            Ok(fraction) if (0.0..1.0).contains(&fraction) => fraction,
            _ => return Err(SourceError::Option(format!("test={fraction}"))),
        };
    }
    Ok(options)
}

/// What would be taken for syntax in an option.
const SYNTAX: &AsciiSet = &CONTROLS.add(b'%').add(b'&').add(b'=').add(b'?').add(b' ');

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
            Self::Csv { path, options } => {
                let label = utf8_percent_encode(&options.label, SYNTAX);
                write!(f, "csv:{}?label={label}", path.display())?;
                if let Some(subject) = &options.subject {
                    write!(f, "&subject={}", utf8_percent_encode(subject, SYNTAX))?;
                }
                write!(f, "&test={}", options.test_fraction)
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
