//! The tests of the crates: built by Cargo, and their programs run side by side, as most of them wait on one
//! long test at the end, or for the disk.

use crate::program::{Failure, cargo, succeed};
use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Which tests are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Those that are not marked `slow tier`.
    Fast,
    Both,
}

/// A program with tests.
struct Program {
    file: PathBuf,
    /// Where Cargo would run it.
    folder: PathBuf,
}

/// Builds all tests and runs those of a tier; `server` is where a PostgreSQL server's programs are, if not
/// where they are looked for.
pub fn run(root: &Path, tier: Tier, server: Option<&Path>) -> Result<(), Failure> {
    let common = ["test", "--release", "--workspace"];
    let mut build = cargo();
    build
        .args(common)
        .args(["--no-run", "--message-format=json-render-diagnostics"]);
    let built = build.current_dir(root).stderr(Stdio::inherit()).output()?;
    if !built.status.success() {
        return Err(format!("{build:?} ended with {}", built.status).into());
    }
    let built = String::from_utf8(built.stdout)?;
    let programs: VecDeque<Program> = built.lines().filter_map(program).collect();
    if programs.is_empty() {
        return Err(format!("{build:?} told of no program with tests").into());
    }
    let mut failed = side_by_side(programs, tier, server)?;
    let mut examples = cargo();
    examples.args(common).args(["--doc", "--no-fail-fast"]);
    if let Err(error) = succeed(examples.current_dir(root)) {
        failed.push(error.to_string());
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("tests failed:\n{}", failed.join("\n")).into()),
    }
}

/// The program that a message of Cargo's tells of, if it has tests.
fn program(message: &str) -> Option<Program> {
    let text = |name: &str| {
        let (_, rest) = message.split_once(&format!("\"{name}\":\""))?;
        // Nothing is escaped in paths but what Windows has in them.
        Some(PathBuf::from(rest.split('"').next()?.replace("\\\\", "\\")))
    };
    let is_test = message.contains("\"reason\":\"compiler-artifact\"")
        && message.contains("\"test\":true},\"features\"");
    let file = is_test.then(|| text("executable"))??;
    let folder = text("manifest_path")?.parent()?.to_owned();
    Some(Program { file, folder })
}

/// Runs them, one more at once than there are processors, as each waits for the disk now and then, and
/// prints what each says once it has ended. Those that failed.
fn side_by_side(
    programs: VecDeque<Program>,
    tier: Tier,
    server: Option<&Path>,
) -> Result<Vec<String>, Failure> {
    let at_once = 1 + thread::available_parallelism().map_or(1, usize::from);
    let (waiting, failed) = (Mutex::new(programs), Mutex::new(Vec::new()));
    let work = || -> Result<(), std::io::Error> {
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(program) = next else {
                return Ok(());
            };
            let mut command = Command::new(&program.file);
            command.current_dir(&program.folder);
            if tier == Tier::Both {
                command.arg("--include-ignored");
            }
            command.env("CARGO_MANIFEST_DIR", &program.folder);
            if let Some(server) = server {
                command.env("PG_BIN", server);
            }
            let done = command.output()?;
            let mut out = std::io::stdout().lock();
            writeln!(out, "     Running {}", program.file.display())?;
            out.write_all(&done.stdout)?;
            out.write_all(&done.stderr)?;
            if !done.status.success() {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(format!(
                    "{} ended with {}",
                    program.file.display(),
                    done.status
                ));
            }
        }
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let mut done = all.into_iter().map(thread::ScopedJoinHandle::join);
        done.try_for_each(|done| {
            done.map_err(|_| "a thread was lost")?
                .map_err(Failure::from)
        })
    })?;
    Ok(failed.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn programs_with_tests_are_found_in_what_cargo_says() {
        let message = |test: bool, executable: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/a/b/Cargo.toml\",\"profile\":\
                 {{\"opt_level\":\"3\",\"test\":{test}}},\"features\":[],\"executable\":{executable}}}"
            )
        };
        let found = program(&message(true, "\"/t/deps/b-1\"")).unwrap();
        assert_eq!(found.file.to_str(), Some("/t/deps/b-1"));
        assert_eq!(found.folder.to_str(), Some("/a/b"));
        assert!(program(&message(false, "\"/t/deps/b-1\"")).is_none());
        assert!(program(&message(true, "null")).is_none());
        assert!(program("{\"reason\":\"build-finished\",\"success\":true}").is_none());
    }
}
