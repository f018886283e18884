//! Every parser of what strangers write, fed with altered files.

mod mutation;
mod targets;

use crate::failure::Failure;
use clap::Args;
use mutation::Mutator;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// Feed every parser with altered files: each must be read or refused
///
/// A target whose process panics, is killed, or takes more than 4 GiB or ten seconds for one input
/// fails, and the input is kept under target/fuzz. Files to begin with lie in crates/tools/corpus and
/// among the fixtures of the tests.
#[derive(Args)]
pub struct Fuzz {
    /// Only these targets
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Seconds for each target
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    seconds: f64,

    /// Inputs for each target, where that is fewer
    #[arg(long, value_name = "COUNT")]
    inputs: Option<u64>,

    /// Seed of the alterations
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Feed the one target named by --only with this file alone
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Work in this process, on one target, and write every input here first
    #[arg(long, hide = true)]
    child: Option<PathBuf>,
}

/// The most memory of a process, in KiB.
const MEMORY: &str = "4194304";
/// The longest time for one input.
const PATIENCE: Duration = Duration::from_secs(10);

impl Fuzz {
    pub fn run(self) -> Result<(), Failure> {
        let chosen = |target: &&Target| {
            self.only.is_empty() || self.only.iter().any(|name| name == target.name)
        };
        let targets: Vec<&Target> = TARGETS.iter().filter(chosen).collect();
        if targets.is_empty() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            return Err(format!("no such target: there are {}", names.join(", ")).into());
        }
        if let Some(file) = &self.file {
            let place = tempfile::tempdir()?;
            targets.iter().try_for_each(|target| {
                println!("{}", (target.read)(&fs::read(file)?, place.path())?);
                Ok::<(), Failure>(())
            })?;
            return Ok(());
        }
        if let (Some(current), [target]) = (&self.child, &targets[..]) {
            return self.feed(target, current);
        }
        let mut wrong = Vec::new();
        for target in targets {
            if let Err(why) = self.one(target) {
                println!("{:12} {why}", target.name);
                wrong.push(target.name);
            }
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!("wrong: {}", wrong.join(", ")).into()),
        }
    }

    /// Feeds a target in a process of its own, which may die.
    fn one(&self, target: &Target) -> Result<(), Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
        fs::create_dir_all(&folder)?;
        let current = folder.join(format!("{}.input", target.name));
        let own = std::env::current_exe()?;
        let mut child = Command::new("sh");
        child
            .args(["-c", "ulimit -v $0; exec \"$@\"", MEMORY])
            .arg(own);
        child
            .args(["fuzz", "--only", target.name, "--child"])
            .arg(&current);
        child.args(["--seconds", &self.seconds.to_string()]);
        child.args(["--seed", &self.seed.to_string()]);
        if let Some(inputs) = self.inputs {
            child.args(["--inputs", &inputs.to_string()]);
        }
        let output = child.stdin(Stdio::null()).output()?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        if output.status.success() {
            return Ok(fs::remove_file(&current)?);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().take(3).collect();
        let place = current.display();
        Err(format!(
            "{}: {} (the input is {place})",
            output.status,
            said.join(" ")
        )
        .into())
    }

    fn feed(&self, target: &Target, current: &Path) -> Result<(), Failure> {
        let corpus = targets::corpus(target)?;
        let place = tempfile::tempdir()?;
        let mut mutator = Mutator::new(&corpus, self.seed);
        let (began, mut fed, mut taken) = (Instant::now(), 0_u64, 0_u64);
        let most = self.inputs.unwrap_or(u64::MAX);
        while fed < most && began.elapsed().as_secs_f64() < self.seconds {
            let input = match corpus.get(fed as usize) {
                Some(untouched) => untouched.clone(),
                None => mutator.next(),
            };
            fs::write(current, &input)?;
            let start = Instant::now();
            let read = (target.read)(&input, place.path())?;
            if start.elapsed() > PATIENCE {
                return Err(format!("{} took {:?}", target.name, start.elapsed()).into());
            }
            if (fed as usize) < corpus.len() && !read {
                return Err(format!("file {fed} of the corpus is not read").into());
            }
            fed += 1;
            taken += u64::from(read);
        }
        println!(
            "{:12} {fed} inputs, {taken} of them read, none wrong",
            target.name
        );
        Ok(())
    }
}
