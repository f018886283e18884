//! Faults at system calls, by strace.

use crate::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies, as by `kill -9`.
    Kill,
    /// That call and all later ones of its name fail for want of space.
    Full,
    /// That one call fails.
    Error,
}

/// The calls that change what is on a disk.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,rename,unlink,unlinkat,mkdir,rmdir,\
                     chmod,fchmod,ftruncate,utimensat";

/// Those for which a full disk is an answer.
const TAKE_SPACE: [&str; 4] = ["write", "pwrite64", "mkdir", "fsync"];

impl Fault {
    pub const ALL: [Fault; 3] = [Fault::Kill, Fault::Full, Fault::Error];

    /// Whether it is tried at this call.
    pub fn is_of(self, call: &str) -> bool {
        match self {
            Fault::Kill => true,
            Fault::Full => TAKE_SPACE.contains(&call),
            // Opening also reads: what cannot be read is another matter.
            Fault::Error => call != "openat",
        }
    }
}

/// A call at which a fault is tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The so manieth call of this name by the first thread, from 1.
    First(String, usize),
    /// Every call of this name by other threads to this file, relative to the folder: files are synced
    /// by threads of their own, of which strace counts each by itself.
    Others(String, PathBuf),
}

impl Place {
    pub fn call(&self) -> &str {
        match self {
            Place::First(call, _) | Place::Others(call, _) => call,
        }
    }
}

fn program(program: &Path, words: &str, here: &Path, options: &[String]) -> Command {
    let mut command = Command::new("strace");
    command.current_dir(here).env("RAYON_NUM_THREADS", "1");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.args(["-o", "../strace.log"]).args(options);
    command.arg(format!("--trace={CALLS}"));
    command
        .arg("--")
        .arg(program)
        .args(words.split_whitespace());
    command
}

/// Runs a command to its end, and lists its calls.
pub fn calls(own: &Path, words: &str, here: &Path) -> Result<Vec<Place>, Failure> {
    // Every thread, with the files' paths.
    let options = ["-f".to_owned(), "-y".to_owned()];
    let status = program(own, words, here, &options)
        .stdout(Stdio::null())
        .status();
    let status = status.map_err(|error| format!("strace: {error}"))?;
    if !status.success() {
        return Err(format!("`{words}` fails without any fault").into());
    }
    let log = fs::read_to_string(here.join("../strace.log"))?;
    let thread = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let first = log.lines().next().and_then(thread);
    let (mut counted, mut places) = (BTreeMap::new(), BTreeSet::new());
    for line in log.lines() {
        let rest = line.split_once(' ').map_or("", |(_, rest)| rest.trim());
        let Some((call, rest)) = rest.split_once('(') else {
            continue;
        };
        if thread(line) == first {
            let count = counted.entry(call.to_owned()).or_insert(0);
            *count += 1;
            places.insert(Place::First(call.to_owned(), *count));
        } else if call == "fsync" {
            let path = rest
                .split_once('<')
                .and_then(|(_, rest)| rest.split_once('>'));
            let (path, _) = path.ok_or_else(|| format!("strace: {line}"))?;
            let path = Path::new(path).strip_prefix(here)?;
            places.insert(Place::Others(call.to_owned(), path.to_owned()));
        }
    }
    Ok(places.into_iter().collect())
}

/// Runs a command with a fault at one of its calls; how it ended, if it did not die.
pub fn traced(
    own: &Path,
    words: &str,
    here: &Path,
    fault: Fault,
    place: &Place,
) -> Result<Option<i32>, Failure> {
    let (call, at, mut options) = match place {
        Place::First(call, at) => (call, *at, Vec::new()),
        Place::Others(call, path) => {
            let path = here.join(path).display().to_string();
            (call, 1, vec!["-f".to_owned(), "-P".to_owned(), path])
        }
    };
    let what = match fault {
        Fault::Kill => format!("signal=KILL:when={at}"),
        Fault::Full => format!("error=ENOSPC:when={at}+"),
        Fault::Error => format!("error=EIO:when={at}"),
    };
    options.push(format!("--inject={call}:{what}"));
    let mut command = program(own, words, here, &options);
    // A file, whose writing may fail too.
    command.stdout(fs::File::create(here.join("../printed"))?);
    let status = command.status()?;
    Ok(match fault {
        Fault::Kill => None,
        _ => status.code(),
    })
}
