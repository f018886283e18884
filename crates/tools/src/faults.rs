//! The program killed, or refused by the system, at every call that it makes of it.

mod scenario;
mod strace;

use crate::failure::Failure;
use clap::Args;
use scenario::{SCENARIOS, Scenario};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use strace::{Fault, calls, traced};

/// Kill the program at every system call that changes a file, and have every one fail
/// (needs strace)
///
/// Train, import, forget, release, purge, refresh, a prepared head's forget and compare are each broken off at every such call, in turn by
/// a kill, by a disk that is full from there on, and by one error of the disk. Afterwards the same
/// command must finish: nothing lost, nothing answered twice, no file left over. Exit status 1 must
/// mean that nothing happened.
#[derive(Args)]
pub struct Faults {
    /// Only these: train, import, forget, release, purge, refresh, prepared, compare
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Try every so many calls, not each
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    every: usize,

    /// The program [default: target/release/rescind]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Faults {
    pub fn run(self) -> Result<(), Failure> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = own.ancestors().nth(2).ok_or("no checkout around it")?;
        let usual = || {
            let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let target = target.unwrap_or_else(|| root.join("target"));
            target.join("release").join("rescind")
        };
        let program = fs::canonicalize(self.program.clone().unwrap_or_else(usual))?;
        let mut wrong = Vec::new();
        for scenario in SCENARIOS {
            if self.only.is_empty() || self.only.iter().any(|name| name == scenario.name) {
                wrong.extend(self.try_all(&program, scenario)?);
            }
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!("{} wrong:\n{}", wrong.len(), wrong.join("\n")).into()),
        }
    }

    fn try_all(&self, program: &Path, scenario: &Scenario) -> Result<Vec<String>, Failure> {
        let folder = tempfile::tempdir()?;
        // As the system names it, which is how strace does.
        let folder = &fs::canonicalize(folder.path())?;
        let template = folder.join("template");
        fs::create_dir(&template)?;
        scenario.prepare(program, &template)?;
        let expected = folder.join("expected");
        copy(&template, &expected)?;
        scenario.adopt(program, &expected)?;
        let places = calls(program, scenario.command, &expected)?;
        let mut wrong = Vec::new();
        let mut tried = 0;
        for fault in Fault::ALL {
            let of_it = places.iter().filter(|place| fault.is_of(place.call()));
            for place in of_it.step_by(self.every.max(1)) {
                let here = folder.join("here");
                copy(&template, &here)?;
                scenario.adopt(program, &here)?;
                let ended = traced(program, scenario.command, &here, fault, place)?;
                tried += 1;
                if let Err(why) = scenario.check(program, &here, &expected, ended) {
                    let name = scenario.name;
                    wrong.push(format!("{name}: {fault:?} at {place:?} ({ended:?}): {why}"));
                }
                fs::remove_dir_all(&here)?;
            }
        }
        println!(
            "{:8} {} calls, {tried} faults tried, {} wrong",
            scenario.name,
            places.len(),
            wrong.len()
        );
        Ok(wrong)
    }
}

/// A copy of a folder, with its modes.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let status = Command::new("cp").arg("-a").args([from, to]).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} cannot be copied", from.display()).into()),
    }
}
