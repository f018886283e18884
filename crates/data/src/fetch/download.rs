//! One file: resumed where it broke off, checked, and put in place in one step.

use super::{FetchError, FetchOptions, Progress};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use ureq::Agent;

/// A file published at an address, and how to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// The address.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// How one try ended short of the whole file.
enum Stop {
    /// Trying again may help; why it ended.
    Retry(String),
    /// It will not.
    Fail(FetchError),
}

/// Downloads a file to `target`, unless it is there already.
///
/// Bytes go to `target.part`, which a later try or call continues (if the server supports ranges).
/// Only a file of the right size and SHA-256 is renamed to `target`; any other is removed.
///
/// # Errors
/// [`FetchError`]; an HTTP error status other than 408, 429 and 5xx is not tried again.
pub fn download(
    file: &RemoteFile,
    target: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut report = |done| {
        progress(Progress {
            file: &name,
            done,
            total: file.size,
        })
    };
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Io { path, source }
    };
    if target.exists() && sha256(target).map_err(io_error(target))? == file.sha256 {
        report(file.size);
        return Ok(());
    }
    let part_path = target.with_file_name(format!("{name}.part"));
    // What would be written to a link belongs to somebody else.
    if fs::symlink_metadata(&part_path).is_ok_and(|there| !there.is_file()) {
        let why = std::io::Error::other("it is no regular file: remove it");
        return Err(io_error(&part_path)(why));
    }
    let mut part = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&part_path)
        .map_err(io_error(&part_path))?;
    match part.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(FetchError::Busy(target.to_owned())),
        Err(TryLockError::Error(source)) => return Err(io_error(&part_path)(source)),
    }
    let agent = agent(options);
    let mut attempts = 0;
    let mut continued = length(&part).map_err(io_error(&part_path))? > 0;
    loop {
        attempts += 1;
        let reason = match one_try(&agent, file, &mut part, &part_path, &mut report) {
            Ok(()) => {
                let found = sha256(&part_path).map_err(io_error(&part_path))?;
                if found == file.sha256 {
                    break;
                }
                if !continued {
                    fs::remove_file(&part_path).map_err(io_error(&part_path))?;
                    let expected = file.sha256.clone();
                    return Err(FetchError::Checksum {
                        url: file.url.clone(),
                        found,
                        expected,
                    });
                }
                // What an earlier call left may be to blame: once more from the start.
                part.set_len(0).map_err(io_error(&part_path))?;
                continued = false;
                attempts = 0;
                continue;
            }
            Err(Stop::Fail(error)) => return Err(error),
            Err(Stop::Retry(reason)) => reason,
        };
        let done = length(&part).map_err(io_error(&part_path))?;
        if attempts >= options.attempts.max(1) {
            return Err(FetchError::Broken {
                url: file.url.clone(),
                attempts,
                done,
                reason,
            });
        }
        thread::sleep(options.pause);
    }
    part.sync_all().map_err(io_error(&part_path))?;
    fs::rename(&part_path, target).map_err(io_error(target))
}

fn agent(options: &FetchOptions) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(options.timeout))
        .timeout_recv_response(Some(options.timeout))
        .timeout_per_read(Some(options.timeout))
        .build()
        .new_agent()
}

/// Asks for what is missing and appends it; `Ok` once the partial file has the full size.
fn one_try(
    agent: &Agent,
    file: &RemoteFile,
    part: &mut File,
    part_path: &Path,
    report: &mut dyn FnMut(u64),
) -> Result<(), Stop> {
    let disk = |source| {
        Stop::Fail(FetchError::Io {
            path: part_path.to_owned(),
            source,
        })
    };
    let mut done = length(part).map_err(disk)?;
    if done > file.size {
        part.set_len(0).map_err(disk)?;
        done = 0;
    }
    if done == file.size {
        return Ok(());
    }
    let mut request = agent.get(&file.url);
    if done > 0 {
        request = request.header("Range", format!("bytes={done}-"));
    }
    let mut response = request
        .call()
        .map_err(|error| Stop::Retry(error.to_string()))?;
    match response.status().as_u16() {
        206 if done > 0 => {
            let range = response
                .headers()
                .get("Content-Range")
                .and_then(|range| range.to_str().ok());
            if range.is_none_or(|range| !range.starts_with(&format!("bytes {done}-"))) {
                part.set_len(0).map_err(disk)?;
                return Err(Stop::Retry(
                    "the server sent another range than asked for".to_owned(),
                ));
            }
        }
        // The whole file: the server does not support ranges.
        200 => {
            part.set_len(0).map_err(disk)?;
            done = 0;
        }
        416 => {
            part.set_len(0).map_err(disk)?;
            return Err(Stop::Retry(
                "the server cannot continue the partial file".to_owned(),
            ));
        }
        status @ (408 | 429 | 500..) => return Err(Stop::Retry(format!("status {status}"))),
        status => {
            return Err(Stop::Fail(FetchError::Status {
                url: file.url.clone(),
                status,
            }));
        }
    }
    part.seek(SeekFrom::Start(done)).map_err(disk)?;
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        report(done);
        let read = match body.read(&mut buffer) {
            Ok(0) if done == file.size => return Ok(()),
            Ok(0) => return Err(Stop::Retry(format!("it ended after {done} bytes"))),
            Ok(read) => read,
            Err(error) => return Err(Stop::Retry(error.to_string())),
        };
        if done + read as u64 > file.size {
            part.set_len(0).map_err(disk)?;
            let (url, expected) = (file.url.clone(), file.size);
            return Err(Stop::Fail(FetchError::Oversized { url, expected }));
        }
        part.write_all(&buffer[..read]).map_err(disk)?;
        done += read as u64;
    }
}

fn length(file: &File) -> io::Result<u64> {
    file.metadata().map(|metadata| metadata.len())
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
