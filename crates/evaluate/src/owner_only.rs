//! Files for their owner alone: what they hold, no noise covers.

use std::io::{self, Write};
use std::path::Path;

/// Puts a file in place of the old one, or of none, in one step. Temporary files are their owner's
/// alone; renaming keeps that.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
