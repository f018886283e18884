//! All tests: those of the crates, and those of the Python package in an environment of their own.

use crate::failure::Failure;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Run every test, both tiers and the Python package's
///
/// The package is built and installed, with PyTorch (a large download the first time), into
/// target/python. Where there is no Python from 3.10 on its tests are left out, which is said at
/// the end.
#[derive(Args)]
pub struct Test {
    /// Only those of the Python package
    #[arg(long)]
    python: bool,

    /// Pass this on to pytest
    #[arg(last = true)]
    pytest: Vec<String>,
}

impl Test {
    pub fn run(self) -> Result<(), Failure> {
        let root = root()?;
        if !self.python {
            let words = "test --release --workspace --no-fail-fast -- --include-ignored";
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            succeed(cargo.args(words.split(' ')).current_dir(&root))?;
        }
        let Some(python) = interpreter() else {
            println!(
                "No Python from 3.10 on was found: the tests of the package were NOT run. Install \
                 one with its venv module, then: cargo xtask test --python"
            );
            return Ok(());
        };
        let place = root.join("target").join("python");
        let own = place.join(match cfg!(windows) {
            true => "Scripts/python.exe",
            false => "bin/python",
        });
        if !own.exists() {
            succeed(Command::new(python).args(["-m", "venv"]).arg(&place))?;
        }
        let mut install = Command::new(&own);
        install.args(["-m", "pip", "install", "--quiet", ".[test]"]);
        succeed(install.current_dir(&root))?;
        let mut tests = Command::new(&own);
        tests.args(["-m", "pytest"]).args(&self.pytest);
        succeed(tests.current_dir(&root))
    }
}

/// The checkout that this program was built from.
fn root() -> Result<PathBuf, Failure> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().nth(2).ok_or("no checkout around it")?;
    Ok(root.to_owned())
}

/// A Python from 3.10 on that can make environments.
fn interpreter() -> Option<&'static str> {
    let wanted = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    ["python3", "python"].into_iter().find(|name| {
        let tried = Command::new(name).args(["-c", wanted]).output();
        tried.is_ok_and(|tried| tried.status.success())
    })
}

fn succeed(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} ended with {status}").into()),
    }
}
