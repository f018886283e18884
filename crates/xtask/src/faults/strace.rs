//! Faults at system calls, by strace.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
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

fn program(program: &Path, words: &str, here: &Path) -> Command {
    let mut command = Command::new("strace");
    command.current_dir(here).env("RAYON_NUM_THREADS", "1");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    // The first thread does all the writing.
    command.args(["-o", "../strace.log"]);
    command.arg(format!("--trace={CALLS}"));
    command
        .arg("--")
        .arg(program)
        .args(words.split_whitespace());
    command
}

/// Runs a command to its end, and counts its calls.
pub fn calls(own: &Path, words: &str, here: &Path) -> Result<Vec<(String, usize)>, Failure> {
    let status = program(own, words, here).stdout(Stdio::null()).status();
    let status = status.map_err(|error| format!("strace: {error}"))?;
    if !status.success() {
        return Err(format!("`{words}` fails without any fault").into());
    }
    let mut counted = BTreeMap::new();
    for line in fs::read_to_string(here.join("../strace.log"))?.lines() {
        if let Some((call, _)) = line.split_once('(') {
            *counted.entry(call.to_owned()).or_insert(0) += 1;
        }
    }
    Ok(counted.into_iter().collect())
}

/// Runs a command with a fault at one of its calls; how it ended, if it did not die.
pub fn traced(
    own: &Path,
    words: &str,
    here: &Path,
    fault: Fault,
    call: &str,
    at: usize,
) -> Result<Option<i32>, Failure> {
    let what = match fault {
        Fault::Kill => format!("signal=KILL:when={at}"),
        Fault::Full => format!("error=ENOSPC:when={at}+"),
        Fault::Error => format!("error=EIO:when={at}"),
    };
    let mut command = Command::new("strace");
    command.arg(format!("--inject={call}:{what}"));
    let usual = program(own, words, here);
    command.args(usual.get_args()).current_dir(here);
    command.env("RAYON_NUM_THREADS", "1");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    // A file, whose writing may fail too.
    command.stdout(fs::File::create(here.join("../printed"))?);
    let status = command.status()?;
    Ok(match fault {
        Fault::Kill => None,
        _ => status.code(),
    })
}
