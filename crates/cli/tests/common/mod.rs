//! The real binary, each test in a fresh folder.

use serde::de::DeserializeOwned;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

pub fn rescind(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("COLUMNS");
    command
}

pub fn run(folder: &Path, arguments: &str) -> Output {
    rescind(folder, arguments).output().unwrap()
}

pub fn status(folder: &Path, arguments: &str) -> i32 {
    run(folder, arguments).status.code().unwrap()
}

pub fn json<T: DeserializeOwned>(folder: &Path, arguments: &str) -> T {
    let output = run(folder, &format!("{arguments} --json"));
    let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments}: {err}");
    assert_eq!(err, "", "{arguments}");
    serde_json::from_slice(out).unwrap()
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
