//! CIFAR-10's archive: only the files by name, only of their size.

use super::FetchError;
use flate2::read::GzDecoder;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use tar::{Archive, EntryType};

const FOLDER: &str = "cifar-10-batches-bin";
const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
const BATCH_BYTES: u64 = 30_730_000;

/// Unpacks the six batches into `folder/cifar-10-batches-bin`, unless they are there.
pub(super) fn cifar10(archive: &Path, folder: &Path) -> Result<(), FetchError> {
    unpack(archive, folder, BATCH_BYTES)
}

fn unpack(archive: &Path, folder: &Path, bytes: u64) -> Result<(), FetchError> {
    let into = folder.join(FOLDER);
    let whole = |name: &&str| {
        fs::metadata(into.join(name)).is_ok_and(|file| file.is_file() && file.len() == bytes)
    };
    if BATCHES.iter().all(whole) {
        return Ok(());
    }
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Io { path, source }
    };
    let wrong = |problem: String| FetchError::Archive {
        path: archive.to_owned(),
        problem,
    };
    let damaged = |error: io::Error| wrong(format!("it cannot be unpacked ({error})"));
    fs::create_dir_all(&into).map_err(disk(&into))?;
    let file = File::open(archive).map_err(disk(archive))?;
    let mut found = [false; BATCHES.len()];
    let mut entries = Archive::new(GzDecoder::new(file));
    for entry in entries.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        // Compared whole, never joined: a name in the archive cannot lead out of the folder.
        let path = entry.path().map_err(damaged)?.into_owned();
        let batch = BATCHES
            .iter()
            .position(|name| path == Path::new(FOLDER).join(name));
        let Some(batch) = batch else { continue };
        let name = BATCHES[batch];
        if entry.header().entry_type() != EntryType::Regular || entry.size() != bytes {
            return Err(wrong(format!(
                "{name} in it is not a file of {bytes} bytes"
            )));
        }
        let part = into.join(format!("{name}.part"));
        // Of an earlier try; a link is not followed.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(disk(&part)(error));
            }
            _ => {}
        }
        let mut output = File::create_new(&part).map_err(disk(&part))?;
        let copied = io::copy(&mut entry, &mut output).map_err(damaged)?;
        if copied != bytes {
            return Err(wrong(format!(
                "{name} in it breaks off after {copied} bytes"
            )));
        }
        output.sync_all().map_err(disk(&part))?;
        let target = into.join(name);
        fs::rename(&part, &target).map_err(disk(&target))?;
        found[batch] = true;
    }
    match found.iter().position(|&found| !found) {
        Some(missing) => Err(wrong(format!("{} is not in it", BATCHES[missing]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    fn archive(folder: &Path, entries: &[(&str, EntryType, &[u8])]) -> std::path::PathBuf {
        let path = folder.join("archive.tar.gz");
        let packed = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
        let mut builder = Builder::new(packed);
        for &(name, kind, data) in entries {
            let mut header = Header::new_gnu();
            // Written directly: the crate's own setter refuses `..`.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(kind);
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, data).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        path
    }

    fn inside(name: &str) -> String {
        format!("{FOLDER}/{name}")
    }

    #[test]
    fn unpacks_the_batches_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let names = BATCHES.map(inside);
        let mut entries: Vec<(&str, EntryType, &[u8])> = names
            .iter()
            .map(|name| (name.as_str(), EntryType::Regular, &b"abcd"[..]))
            .collect();
        entries.push(("../escaped", EntryType::Regular, b"evil"));
        entries.push((
            "cifar-10-batches-bin/readme.html",
            EntryType::Regular,
            b"page",
        ));
        let target = folder.path().join("inner");
        unpack(&archive(folder.path(), &entries), &target, 4).unwrap();
        let mut written: Vec<String> = fs::read_dir(target.join(FOLDER))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        written.sort();
        assert_eq!(written, BATCHES);
        assert_eq!(
            fs::read(target.join(FOLDER).join(BATCHES[2])).unwrap(),
            b"abcd"
        );
        assert!(!folder.path().join("escaped").exists());
    }

    #[test]
    fn refuses_a_link_a_wrong_size_and_a_missing_batch() {
        let folder = tempfile::tempdir().unwrap();
        let first = inside(BATCHES[0]);
        for (kind, data, problem) in [
            (EntryType::Symlink, &b"abcd"[..], "not a file of 4 bytes"),
            (EntryType::Regular, &b"abcde"[..], "not a file of 4 bytes"),
            (
                EntryType::Regular,
                &b"abcd"[..],
                "data_batch_2.bin is not in it",
            ),
        ] {
            let path = archive(folder.path(), &[(&first, kind, data)]);
            let error = unpack(&path, folder.path(), 4).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn refuses_a_truncated_archive() {
        let folder = tempfile::tempdir().unwrap();
        let data: Vec<u8> = (0..40_000_u32).map(|i| ((i * i) >> 3) as u8).collect();
        let path = archive(
            folder.path(),
            &[(&inside(BATCHES[0]), EntryType::Regular, &data)],
        );
        let packed = fs::read(&path).unwrap();
        fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        let error = unpack(&path, folder.path(), data.len() as u64).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }), "{error}");
        assert!(!folder.path().join(FOLDER).join(BATCHES[0]).exists());
    }
}
