//! The documents say what the program says: `UPDATE_DOCS=1 cargo test` rewrites docs/cli.md, and
//! every command fenced as `console` in README.md is run.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMMANDS: [&str; 13] = [
    "demo",
    "train",
    "import",
    "plan",
    "forget",
    "retrain",
    "evaluate",
    "status",
    "verify",
    "calibrate",
    "spectrum",
    "fetch",
    "bench",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rescind"))
        .args(arguments)
        .arg("--help")
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_manual_is_the_help() {
    let mut manual =
        "# The command line\n\nThis is what `rescind COMMAND --help` prints, kept true \
                      by a test.\n\nEvery command takes `--json`, which prints one JSON object on \
                      standard output; a command that fails prints `{\"error\": …, \"status\": …}` \
                      there. Ctrl-C asks running work to stop with its state saved (exit status \
                      1); a second one ends it at once (130).\n"
            .to_owned();
    write!(manual, "\n```text\n{}\n```\n", help(&[])).unwrap();
    for command in COMMANDS {
        write!(
            manual,
            "\n## {command}\n\n```text\n{}\n```\n",
            help(&[command])
        )
        .unwrap();
    }
    let path = repository().join("docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &manual).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == manual,
        "docs/cli.md is out of date: UPDATE_DOCS=1 cargo test rewrites it"
    );
    let listed = help(&[]);
    for command in COMMANDS {
        assert!(
            listed.contains(&format!("\n  {command} ")),
            "{command} is not listed"
        );
    }
}

#[test]
fn every_command_of_the_readme_works() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fences = readme
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let commands: Vec<&str> = fences
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    let mut ran = 0;
    for command in &commands {
        let words = command
            .strip_prefix("cargo run --release -- ")
            .or_else(|| command.strip_prefix("rescind "));
        match words {
            Some(words) => {
                let status = Command::new(env!("CARGO_BIN_EXE_rescind"))
                    .args(words.split_whitespace())
                    .current_dir(folder.path())
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&status.stderr).into_owned();
                assert!(status.status.success(), "{command}: {said}");
                ran += 1;
            }
            // The test command is what runs this test.
            None => assert_eq!(*command, "cargo test --release --workspace"),
        }
    }
    assert!(ran >= 5, "README.md lost its commands: {commands:?}");
}
