//! Files that are named on the command line.

use crate::exit::Failure;
use crate::interrupt;
use rescind_data::text_of;
use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// The most bytes that are taken from a pipe or a device, whose size nobody knows beforehand.
const MOST_PIPED: u64 = 1 << 26;

/// Reads a file, or a pipe. Nothing is at work yet that would have to be saved: Ctrl-C ends it at once,
/// also while a pipe is silent.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let attempt = || {
        if fs::metadata(path)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        match file.metadata()?.is_file() {
            true => (&file).read_to_end(&mut bytes)?,
            false => (&file).take(MOST_PIPED + 1).read_to_end(&mut bytes)?,
        };
        match bytes.len() as u64 > MOST_PIPED && !file.metadata()?.is_file() {
            true => Err(io::Error::other(format!(
                "more than {MOST_PIPED} bytes come from it, and it is no regular file"
            ))),
            false => Ok(bytes),
        }
    };
    let read = interrupt::at_once(attempt);
    read.map_err(|error| Failure::io(path, format_args!("cannot be read: {error}")))
}

/// Reads a file of text, in UTF-8 or as its byte order mark says.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read(path)?;
    let text = text_of(&bytes).map(Cow::into_owned);
    text.ok_or_else(|| {
        let valid = str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let line = 1 + bytes[..valid].iter().filter(|&&byte| byte == b'\n').count();
        Failure::io(
            path,
            format_args!("line {line} is no UTF-8: save it as that"),
        )
    })
}

/// Refuses a place in the folders that a run keeps to itself: what lies among its releases passes for
/// one, and what is private of it is removed and replaced.
pub fn expect_outside_runs(path: &Path) -> Result<(), Failure> {
    let there = path
        .ancestors()
        .find_map(|folder| match folder.as_os_str().is_empty() {
            true => fs::canonicalize(".").ok(),
            false => fs::canonicalize(folder).ok(),
        });
    let own = |folder: &&Path| {
        let own = ["releases", "private"]
            .iter()
            .any(|name| folder.ends_with(name));
        own && folder.with_file_name("run.json").exists()
    };
    match there
        .as_deref()
        .and_then(|there| there.ancestors().find(own))
    {
        None => Ok(()),
        Some(folder) => Err(Failure::io(
            path,
            format_args!(
                "lies in {}, which a run keeps to itself: choose another place",
                folder.display()
            ),
        )),
    }
}

/// Writes a new file that its owner alone can read. What lies there already, a link that leads nowhere
/// included, is left as it is.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::io(path, "is there already: choose another file"),
        _ => Failure::io(path, format_args!("cannot be written: {error}")),
    })?;
    file.write_all(content).map_err(|error| {
        // Half a draft declares something else.
        let _ = fs::remove_file(path);
        Failure::io(path, format_args!("cannot be written: {error}"))
    })
}
