//! How pages and pictures of this program are known again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// What every page and picture says of itself among its first bytes: a file without it is somebody
/// else's, and is neither replaced nor removed.
pub const MARK: &str = "Made by rescind";

/// So many first bytes of a file say whether it was made by this program.
const START: u64 = 4096;

/// Whether a regular file says that this program made it; links, folders and what is not there do not.
///
/// # Errors
/// A file that cannot be read.
pub fn is_marked(path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
        return Ok(false);
    }
    let mut start = Vec::new();
    File::open(path)?.take(START).read_to_end(&mut start)?;
    let mark = MARK.as_bytes();
    Ok(start.windows(mark.len()).any(|bytes| bytes == mark))
}
