//! The files in deploy/ name what is there: options, paths and ports are the program's own, and those of
//! the manual.

use std::path::Path;
use std::process::Command;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The program understands these words: it comes as far as its help.
fn understood(words: &[&str]) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
    let output = command.args(words).arg("--help").output().unwrap();
    output.status.success()
        && String::from_utf8_lossy(&output.stdout).contains("Usage: rescind serve")
}

/// Commands of `rescind` in comments, without what stands before them.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let comments = text.lines().filter_map(|line| line.strip_prefix("# "));
    let found = comments.filter_map(|line| Some(line.split_once("rescind serve ")?.1));
    let found = found.map(|words| {
        let words = words.split_whitespace();
        ["serve"].into_iter().chain(words).collect()
    });
    found.collect()
}

/// What follows a word on its line, for every line that begins with it.
fn after<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(word));
    lines.map(str::trim).collect()
}

fn value_of<'a>(words: &[&'a str], option: &str) -> &'a str {
    let at = words.iter().position(|word| *word == option).unwrap();
    words[at + 1]
}

#[test]
fn a_word_that_the_program_does_not_know_is_found() {
    assert!(!understood(&["serve", "--no-such-option"]));
    assert!(!understood(&["serve", "token", "make"]));
}

#[test]
fn the_image_runs_what_there_is() {
    let text = read("deploy/Containerfile");
    let [entry, command] = ["ENTRYPOINT ", "CMD "].map(|word| {
        let [json] = after(&text, word)[..] else {
            panic!("{word}")
        };
        serde_json::from_str::<Vec<String>>(json).unwrap()
    });
    assert_eq!(entry, ["rescind"]);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    assert!(understood(&words), "{words:?}");
    let port = value_of(&words, "--listen").rsplit_once(':').unwrap().1;
    assert_eq!(after(&text, "EXPOSE "), [port]);
    // What lasts is in the volume, which the user who runs it owns.
    let [volume] = after(&text, "VOLUME ")[..] else {
        panic!("one volume")
    };
    assert_eq!(after(&text, "WORKDIR ").last(), Some(&volume));
    for option in ["--desk", "--runs"] {
        assert!(value_of(&words, option).starts_with(&format!("{volume}/")));
    }
    assert!(text.contains(&format!(
        "install --directory --owner rescind --group rescind --mode 0700 {volume}"
    )));
    assert_eq!(after(&text, "USER "), ["rescind"]);
    // Built from the workspace's own compiler and program.
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let compiler = manifest["workspace"]["package"]["rust-version"]
        .as_str()
        .unwrap();
    let images = after(&text, "FROM ");
    assert!(
        images[0].contains(&format!("/rust:{compiler}-")),
        "{images:?}"
    );
    let program = Path::new(env!("CARGO_BIN_EXE_rescind"))
        .file_stem()
        .unwrap();
    let program = program.to_str().unwrap();
    assert!(text.contains(&format!(
        "/source/target/release/{program} /usr/local/bin/{program}"
    )));
    let own: toml::Table = read("crates/cli/Cargo.toml").parse().unwrap();
    let package = own["package"]["name"].as_str().unwrap();
    assert!(text.contains(&format!(
        "cargo build --release --locked --package {package}"
    )));
    // What was built before does not go along.
    assert!(read(".dockerignore").lines().any(|line| line == "target"));
    // Both stages are of one release of Debian: the program finds the libraries it was linked with.
    assert!(images[0].contains("bookworm") && images[1].contains("bookworm"));
    let commands = commands(&text);
    assert!(!commands.is_empty());
    for words in &commands {
        assert!(understood(words), "{words:?}");
        assert_eq!(
            value_of(words, "--desk"),
            value_of_owned(&command, "--desk")
        );
    }
}

fn value_of_owned<'a>(words: &'a [String], option: &str) -> &'a str {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    value_of(&words, option)
}

#[test]
fn the_unit_starts_what_there_is() {
    let text = read("deploy/rescind-desk.service");
    let [start] = after(&text, "ExecStart=")[..] else {
        panic!("one command")
    };
    let (program, words) = start.split_once(' ').unwrap();
    assert_eq!(program, "/usr/local/bin/rescind");
    let words: Vec<&str> = words
        .split(' ')
        .filter(|word| *word != "$OPTIONS")
        .collect();
    assert!(understood(&words), "{words:?}");
    // What it may write to is the folder that systemd makes for it.
    let [state] = after(&text, "StateDirectory=")[..] else {
        panic!("one folder")
    };
    for option in ["--desk", "--runs"] {
        assert!(value_of(&words, option).starts_with(&format!("/var/lib/{state}/")));
    }
    let found = commands(&text);
    assert!(!found.is_empty());
    for command in &found {
        assert!(understood(command), "{command:?}");
        assert_eq!(value_of(command, "--desk"), value_of(&words, "--desk"));
    }
    // The options and the variable that its file of options is said to take.
    let options = after(&text, "#   OPTIONS=");
    let options: Vec<&str> = options[0].split(' ').collect();
    assert!(
        understood(&[&["serve"], &options[..]].concat()),
        "{options:?}"
    );
    let help = Command::new(env!("CARGO_BIN_EXE_rescind"))
        .args(["serve", "--help"])
        .output();
    assert!(String::from_utf8_lossy(&help.unwrap().stdout).contains("RESCIND_DATABASE"));
    assert_eq!(after(&text, "#   RESCIND_DATABASE=").len(), 1);
}

#[test]
fn the_manual_leads_to_both() {
    let manual = read("docs/service.md");
    for path in ["deploy/rescind-desk.service", "deploy/Containerfile"] {
        assert!(manual.contains(&format!("(../{path})")), "{path}");
        read(path);
    }
}
