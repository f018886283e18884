//! Writing reports and their figures.

use super::chart::PictureError;
use super::page::Report;
use crate::owner_only::{self, replace};
use rescind::mark::is_marked;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The system refuses.
    #[error("{path} cannot be written: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A figure that cannot be drawn.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

impl Report {
    /// Writes the page in one piece, readable by its owner alone: it quotes what carries no noise.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        write(path, self.to_html().as_bytes())
    }

    /// Writes every figure to a folder as `NAME.svg` and `NAME.png`, and says which; a folder that is
    /// not there is made for its owner alone.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_figures(&self, folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
        let make = match folder.is_dir() {
            true => Ok(()),
            false => owner_only::folder(folder),
        };
        make.map_err(|source| WriteError::Io {
            path: folder.to_owned(),
            source,
        })?;
        let mut written = Vec::new();
        for figure in self.figures() {
            let svg = figure.chart.to_svg(&figure.title)?.into_bytes();
            for (ending, bytes) in [("png", figure.chart.to_png()?), ("svg", svg)] {
                let path = folder.join(format!("{}.{ending}", figure.name));
                write(&path, &bytes)?;
                written.push(path);
            }
        }
        Ok(written)
    }
}

/// Puts a file where there is none, or one that was made by this program.
fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let attempt = || match is_of_others(path)? {
        true => Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "it is there already and was not made by rescind: give another name, or remove it",
        )),
        false => replace(path, bytes),
    };
    attempt().map_err(|source| WriteError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Whether a file is there that does not say that this program made it.
fn is_of_others(path: &Path) -> io::Result<bool> {
    // What is no regular file is refused when it would be replaced.
    let is_file = fs::symlink_metadata(path).is_ok_and(|there| there.is_file());
    Ok(is_file && !is_marked(path)?)
}
