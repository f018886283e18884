//! Files and folders for their owner alone: what they hold, no noise covers.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Puts a file in place of the old one, or of none, in one step. What lies there and is no regular
/// file, such as a link, is refused and left alone. A process that dies leaves at most one file,
/// which the next call takes away.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            let why = "it is there already and is no regular file: give another name";
            return Err(io::Error::new(ErrorKind::AlreadyExists, why));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // One writer at a time, where the system can lock a folder.
    let lock = File::open(folder);
    let _ = lock.as_ref().map(File::lock);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".rescind-partial");
    let partial = folder.join(name);
    remove_file(&partial)?;
    let put = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    let done = put();
    if done.is_err() {
        remove_file(&partial)?;
    }
    done
}

/// Makes a folder that nobody else can look into, and those above it; one that is there is closed.
/// A link to one is refused: it leads to somebody else's.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    if path.is_symlink() {
        let why = "it is a link: remove it, or give the folder itself";
        return Err(io::Error::new(ErrorKind::AlreadyExists, why));
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path)?.permissions().mode() & 0o777 != 0o700 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
