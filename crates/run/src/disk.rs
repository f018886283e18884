//! Files written so that a crash leaves either the old or the new.

use crate::fault;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::Builder;
use std::time::SystemTime;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever the folder lets in.
    Open,
    /// The owner alone.
    Private,
}

/// Modes of what is made, which the mask of the process may narrow: nobody else writes to a run.
#[cfg(unix)]
impl Access {
    fn file(self) -> u32 {
        match self {
            Self::Open => 0o644,
            Self::Private => 0o600,
        }
    }

    fn folder(self) -> u32 {
        match self {
            Self::Open => 0o755,
            Self::Private => 0o700,
        }
    }
}

/// A file or folder that the system refuses.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {action}: {source}")]
pub struct DiskError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried.
    pub action: &'static str,
    /// What the system said.
    pub source: io::Error,
}

pub(crate) fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError {
        path: path.to_owned(),
        action,
        source,
    }
}

/// Writes a file, which is on the disk once it was [synced](sync). Not atomic: for files in a folder
/// that nobody looks into yet. What lies there, left by a crash or put there by somebody, goes: a link
/// is not followed.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access) -> Result<(), DiskError> {
    write_parts(path, bytes.split_at(bytes.len() / 2).into(), access)
}

fn write_parts(path: &Path, [first, second]: [&[u8]; 2], access: Access) -> Result<(), DiskError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, access.file());
    let attempt = || {
        fault::point()?;
        let mut file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(path)?;
                options.open(path)?
            }
            opened => opened?,
        };
        if access == Access::Private {
            close_to_others(path, 0o600)?;
        }
        file.write_all(first)?;
        fault::point()?;
        file.write_all(second)
    };
    attempt().map_err(io_error(path, "write it"))
}

/// Has these files and their folder on the disk when it returns: all at once, since a file system
/// writes many in one go.
pub(crate) fn sync(folder: &Path, files: &[PathBuf]) -> Result<(), DiskError> {
    let sync = |path: &Path| {
        let attempt = || {
            fault::point()?;
            File::open(path)?.sync_all()
        };
        attempt().map_err(io_error(path, "write it to disk"))
    };
    let done: Vec<Result<(), DiskError>> = std::thread::scope(|scope| {
        let files = files.iter().map(PathBuf::as_path);
        let all = files.chain([folder]).chain(folder.parent());
        let (mut threads, mut done) = (Vec::new(), Vec::new());
        for path in all {
            // Where the system has no thread to give, one after the other.
            match Builder::new().spawn_scoped(scope, move || sync(path)) {
                Ok(thread) => threads.push(thread),
                Err(_) => done.push(sync(path)),
            }
        }
        let lost = || {
            Err(io_error(folder, "write it to disk")(
                io::ErrorKind::Other.into(),
            ))
        };
        let joined = threads.into_iter();
        done.extend(joined.map(|thread| thread.join().unwrap_or_else(|_| lost())));
        done
    });
    done.into_iter().collect()
}

/// Puts a file in place of the old one, whole or not at all as long as the system runs: for what can
/// be made again, and is looked at before it is believed.
pub(crate) fn replace_for_now(
    path: &Path,
    parts: [&[u8]; 2],
    access: Access,
) -> Result<(), DiskError> {
    let partial = partial(path);
    write_parts(&partial, parts, access)?;
    let attempt = || {
        fault::point()?;
        fs::rename(&partial, path)
    };
    attempt().map_err(io_error(path, "put it in place"))
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

/// Puts a file in place of the old one, or of none, in one step.
pub(crate) fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), DiskError> {
    let partial = partial(path);
    write(&partial, bytes, access)?;
    let attempt = || {
        fault::point()?;
        File::open(&partial)?.sync_all()
    };
    attempt().map_err(io_error(path, "write it to disk"))?;
    rename(&partial, path)
}

/// Renames, and has that on the disk when it returns.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    rename_for_now(from, to)?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

/// Renames as long as the system runs: for what is found under its old name, and renamed again.
pub(crate) fn rename_for_now(from: &Path, to: &Path) -> Result<(), DiskError> {
    let attempt = || {
        fault::point()?;
        fs::rename(from, to)
    };
    attempt().map_err(io_error(to, "put it in place"))
}

/// Has the names in a folder on the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), DiskError> {
    let attempt = || {
        fault::point()?;
        File::open(path)?.sync_all()
    };
    attempt().map_err(io_error(path, "write the folder to disk"))
}

/// Makes a folder and those above it, if they are not there.
pub(crate) fn folder(path: &Path, access: Access) -> Result<(), DiskError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, access.folder());
    let attempt = || {
        fault::point()?;
        builder.create(path)?;
        match access {
            Access::Open => Ok(()),
            Access::Private => close_to_others(path, 0o700),
        }
    };
    attempt().map_err(io_error(path, "make the folder"))
}

/// Removes a folder and all in it, if it is there; what a crash leaves of it has a name that begins
/// with a dot.
pub(crate) fn remove(path: &Path) -> Result<(), DiskError> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let doomed = match name.starts_with('.') {
        true => path.to_owned(),
        false => path.with_file_name(format!(".removed-{name}")),
    };
    let attempt = || {
        fault::point()?;
        if doomed != path {
            // What an earlier removal left, that a crash broke off.
            match fs::remove_dir_all(&doomed) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::rename(path, &doomed)?;
        }
        fault::point()?;
        fs::remove_dir_all(&doomed)
    };
    match attempt() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(io_error(path, "remove it")),
    }
}

/// Removes a file.
pub(crate) fn remove_file(path: &Path) -> Result<(), DiskError> {
    let attempt = || {
        fault::point()?;
        fs::remove_file(path)
    };
    attempt().map_err(io_error(path, "remove it"))
}

/// Makes an empty file, if there is none.
pub(crate) fn touch(path: &Path, access: Access) -> Result<(), DiskError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, access.file());
    let attempt = || {
        fault::point()?;
        options.open(path)?;
        match access {
            Access::Open => Ok(()),
            Access::Private => close_to_others(path, 0o600),
        }
    };
    attempt().map_err(io_error(path, "make it"))
}

/// Leaves this mode, whatever the mask of new files and what was there before.
fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path)?.permissions().mode() & 0o777 != mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
    }
    let _ = (path, mode);
    Ok(())
}

/// The first of these files and folders that others than the owner can read or write, and its mode.
/// What lies in a folder that is closed to them they cannot reach, whatever its own mode.
pub(crate) fn open_to_others(paths: &[PathBuf]) -> Result<Option<(PathBuf, u32)>, DiskError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for path in paths {
            // Of a link, what it leads to.
            let metadata = fs::metadata(path).map_err(io_error(path, "look at it"))?;
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Ok(Some((path.clone(), mode)));
            }
        }
    }
    let _ = paths;
    Ok(None)
}

/// Gives a folder and its files this time of their last change.
pub(crate) fn date(folder: &Path, time: SystemTime) -> Result<(), DiskError> {
    let times = FileTimes::new().set_modified(time).set_accessed(time);
    let attempt = || {
        fault::point()?;
        for item in fs::read_dir(folder)? {
            File::options()
                .append(true)
                .open(item?.path())?
                .set_times(times)?;
        }
        File::open(folder)?.set_times(times)
    };
    attempt().map_err(io_error(folder, "set its time"))
}

/// Gives a folder the time of another's last change.
pub(crate) fn date_as(folder: &Path, other: &Path) -> Result<(), DiskError> {
    let attempt = || {
        fault::point()?;
        let time = fs::metadata(other)?.modified()?;
        File::open(folder)?.set_modified(time)
    };
    attempt().map_err(io_error(folder, "set its time"))
}

/// Opens a folder and its files to whoever the folder above it lets in.
pub(crate) fn share(folder: &Path) -> Result<(), DiskError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let attempt = || {
            fault::point()?;
            for item in fs::read_dir(folder)? {
                fs::set_permissions(item?.path(), fs::Permissions::from_mode(0o644))?;
            }
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        };
        attempt().map_err(io_error(folder, "open it to readers"))?;
    }
    let _ = folder;
    Ok(())
}

/// Refuses what is no regular file of this folder, such as a link: what would be written to it belongs
/// to somebody else.
pub(crate) fn expect_own(path: &Path) -> Result<(), DiskError> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            let why = io::Error::other("it is no regular file: remove it");
            Err(io_error(path, "use it")(why))
        }
        _ => Ok(()),
    }
}

/// Refuses links among these files and folders, and among what lies in them: what they lead to may be
/// somebody else's, and be read by others.
pub(crate) fn expect_no_links(paths: &[PathBuf]) -> Result<(), DiskError> {
    let mut left = paths.to_vec();
    while let Some(path) = left.pop() {
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found.map_err(io_error(&path, "look at it"))?,
        };
        if metadata.is_symlink() {
            let why = "it is a link: put in its place what it leads to, or remove it";
            return Err(io_error(&path, "use it")(io::Error::other(why)));
        }
        if metadata.is_dir() {
            for item in fs::read_dir(&path).map_err(io_error(&path, "list it"))? {
                left.push(item.map_err(io_error(&path, "list it"))?.path());
            }
        }
    }
    Ok(())
}

/// Reads a regular file: what is none, such as a pipe, would be waited for without end.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DiskError> {
    let attempt = || match fs::metadata(path)?.is_file() {
        true => fs::read(path),
        false => Err(io::Error::other("it is not a regular file")),
    };
    attempt().map_err(io_error(path, "read it"))
}

/// What of a file comes after its first bytes, and these: large files are copied once.
pub(crate) fn read_after<const N: usize>(path: &Path) -> Result<([u8; N], Vec<u8>), DiskError> {
    let attempt = || {
        let mut file = File::open(path)?;
        let length = match file.metadata()? {
            metadata if metadata.is_file() => metadata.len(),
            _ => return Err(io::Error::other("it is not a regular file")),
        };
        let (mut first, mut rest) = ([0; N], Vec::new());
        file.read_exact(&mut first)?;
        rest.try_reserve_exact(usize::try_from(length).unwrap_or(0).saturating_sub(N))?;
        file.read_to_end(&mut rest)?;
        Ok((first, rest))
    };
    attempt().map_err(io_error(path, "read it"))
}

#[cfg(test)]
mod tests {
    use super::sync;
    use crate::threads::without;

    #[test]
    fn files_are_synced_where_there_is_no_thread_for_it() {
        without(
            "disk::tests::files_are_synced_where_there_is_no_thread_for_it",
            || {
                let place = tempfile::tempdir().unwrap();
                let there = place.path().join("there");
                std::fs::write(&there, "text").unwrap();
                sync(place.path(), std::slice::from_ref(&there)).unwrap();
                let missing = place.path().join("missing");
                let refused = sync(place.path(), &[there, missing.clone()]).unwrap_err();
                assert_eq!(refused.path, missing);
            },
        );
    }
}
