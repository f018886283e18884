//! The documents say what the program says: `UPDATE_DOCS=1 cargo test` rewrites docs/cli.md,
//! docs/errors.md and the figures under docs/results/, and every command fenced as `console` in
//! README.md is run.

use rescind::{Code, CodeKind};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every command that the program lists, but for `help`.
fn commands() -> Vec<String> {
    let text = help(&[]);
    let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<String> = names
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

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
                      standard output; a command that fails prints `{\"code\": …, \"error\": …, \
                      \"status\": …}` there, with one of [these codes](errors.md). Ctrl-C asks running work to stop with its state saved (exit status \
                      1); a second one ends it at once (130).\n"
            .to_owned();
    write!(manual, "\n```text\n{}\n```\n", help(&[])).unwrap();
    for command in commands() {
        write!(
            manual,
            "\n## {command}\n\n```text\n{}\n```\n",
            help(&[&command])
        )
        .unwrap();
    }
    compare_document("docs/cli.md", &manual);
}

/// The document is this text, or made so where that is asked for.
fn compare_document(name: &str, text: &str) {
    let path = repository().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{name} is out of date: UPDATE_DOCS=1 cargo test rewrites it"
    );
}

#[test]
fn the_table_of_codes_is_the_librarys() {
    let mut table = "# What can go wrong\n\nEverything that is refused or goes wrong has a code: \
                     programs go by it, people by the message. With `--json` it is the member \
                     `code` of what a failed command prints, in the library \
                     `rescind::Error::code`. Codes are added, and never change their meaning; a \
                     test keeps this page true.\n\n\
                     | code | exit status | meaning |\n|---|---|---|\n"
        .to_owned();
    for code in Code::ALL {
        let status = match code.kind() {
            CodeKind::Failed => 1,
            CodeKind::Done => 0,
            CodeKind::Nothing => 6,
            CodeKind::Usage => 2,
            CodeKind::Refused => 3,
        };
        writeln!(table, "| `{code}` | {status} | {} |", code.meaning()).unwrap();
    }
    table.push_str(
        "\nThe command line adds two for what it finds out by itself: `usage` (2) for options \
         that make no sense, and `refused` (3) for a guarantee that no formula gives. Exit status 0 is success, also of a `forget` of records that were never trained on; 4 is a verification or an audit that found \
         something wrong, which is a result and has no code.\n",
    );
    compare_document("docs/errors.md", &table);

    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len(), "a code stands twice");
    for name in &names {
        let words = name.split('_');
        let plain = |word: &str| {
            word.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        assert!(
            words
                .into_iter()
                .all(|word| !word.is_empty() && plain(word)),
            "{name} is not in lower snake case"
        );
        assert!(!["usage", "refused"].contains(name), "{name}");
    }
    for code in Code::ALL {
        let meaning = code.meaning();
        let sentence = meaning.ends_with('.') && !meaning.contains(['|', '\n']);
        assert!(sentence, "{code}: {meaning}");
    }
}

/// Commands in the fences marked `console`.
fn fenced(document: &str) -> Vec<String> {
    let fences = document
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let lines = fences.flat_map(str::lines);
    lines
        .filter_map(|line| line.strip_prefix("$ "))
        .map(str::to_owned)
        .collect()
}

/// Runs `rescind` commands, and others that are known, in one folder one after the other.
fn run_all(commands: &[String], folder: &Path) -> usize {
    let mut ran = 0;
    for command in commands {
        let words = command
            .strip_prefix("cargo run --release -- ")
            .or_else(|| command.strip_prefix("rescind "));
        // Their own tests run them.
        if ["cargo xtask ", "rescind serve "]
            .iter()
            .any(|start| command.starts_with(start))
        {
            continue;
        }
        let words = words.unwrap_or_else(|| panic!("{command} is no command of this project"));
        let output = Command::new(env!("CARGO_BIN_EXE_rescind"))
            .args(words.split_whitespace().map(|word| word.trim_matches('\'')))
            .current_dir(folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command}: {said}");
        ran += 1;
    }
    ran
}

/// A few records in the files and under the names that MNIST is published in.
fn small_mnist(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (part, records) in [("train", 3000_u32), ("t10k", 200)] {
        let pixel = |record: u32, at: u32| {
            let stripe = at % 28 / 3 == record % 10;
            if stripe { 200 } else { (record * 7 + at) % 40 }
        };
        let mut images = [0x803_u32, records, 28, 28].map(u32::to_be_bytes).concat();
        images.extend((0..records).flat_map(|r| (0..784).map(move |at| pixel(r, at) as u8)));
        let mut labels = [0x801_u32, records].map(u32::to_be_bytes).concat();
        labels.extend((0..records).map(|record| (record % 10) as u8));
        std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// A table of customers, as docs/tables.md has it.
fn small_table(path: &Path) {
    let mut table = "id;person;joined;age;spend;plan;outcome\n".to_owned();
    for i in 0..150_u32 {
        let (age, plan) = (18 + i % 49, ["basic", "plus", "pro"][i as usize % 3]);
        let age = if i % 50 == 49 {
            String::new()
        } else {
            age.to_string()
        };
        let plan = if i % 20 == 19 { "" } else { plan };
        let outcome = if (i * 7) % 2 == 0 { "stay" } else { "leave" };
        let (person, day, spend) = (i % 40, 1 + i % 28, (i * 37) % 297);
        writeln!(
            table,
            "{i};p{person};2024-01-{day:02};{age};{spend};{plan};{outcome}"
        )
        .unwrap();
    }
    std::fs::write(path, table).unwrap();
}

/// A folder in which commands find what documents name: a small MNIST, a table, and the experiments,
/// that on the digits with one seed and few epochs.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    small_mnist(&folder.path().join("mnist"));
    small_table(&folder.path().join("people.csv"));
    let experiments = folder.path().join("experiments");
    std::fs::create_dir(&experiments).unwrap();
    for file in std::fs::read_dir(repository().join("experiments")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), experiments.join(file.file_name())).unwrap();
    }
    let digits = experiments.join("digits.toml");
    let mut text = std::fs::read_to_string(&digits).unwrap();
    for (long, short) in [
        ("seeds = [42, 43]", "seeds = [42]"),
        ("epochs = 30", "epochs = 3"),
        ("epoch = 20", "epoch = 2"),
    ] {
        assert!(text.contains(long), "experiments/digits.toml lost {long}");
        text = text.replace(long, short);
    }
    std::fs::write(digits, text).unwrap();
    folder
}

#[test]
fn every_command_of_the_readme_works() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let folder = prepared();
    let commands = fenced(&readme);
    let ran = run_all(&commands, folder.path());
    assert!(ran >= 5, "README.md lost its commands: {commands:?}");
}

/// Those that speak of MNIST run on a small set in its format: that they work is tested, the figures
/// beside them are not.
#[test]
fn every_command_of_the_other_documents_works() {
    let mut ran = 0;
    for document in std::fs::read_dir(repository().join("docs")).unwrap() {
        let path = document.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let folder = prepared();
            let text = std::fs::read_to_string(&path).unwrap();
            ran += run_all(&fenced(&text), folder.path());
        }
    }
    assert!(ran >= 5, "the documents lost their commands");
}

/// The examples that help gives, in an order in which each finds what it needs.
#[test]
fn every_example_of_the_help_works() {
    let folder = prepared();
    let mut examples = Vec::new();
    for command in commands() {
        let text = help(&[&command]);
        let lines = text.lines().map(str::trim_start);
        let lines = lines.map(|line| {
            let line = line.strip_prefix("Example: ").unwrap_or(line);
            line.strip_prefix("Examples: ").unwrap_or(line)
        });
        let found: Vec<String> = lines
            .filter(|line| line.starts_with(&format!("rescind {command}")))
            .map(str::to_owned)
            .collect();
        assert!(!found.is_empty(), "{command} has no example");
        examples.extend(found);
    }
    // What takes a network, another's weights or a run that was moved, and what does not end, is tested
    // elsewhere.
    let elsewhere = [
        "rescind fetch",
        "rescind import",
        "rescind amend",
        "rescind serve",
    ];
    examples.retain(|line| !elsewhere.iter().any(|start| line.starts_with(start)));
    // An audit looks at the last request, which the second example of forget does not release.
    let order = [
        "rescind columns",
        "rescind train",
        "rescind forget run --records",
        "rescind audit",
    ];
    examples.sort_by_key(|line| {
        let place = order.iter().position(|start| line.starts_with(start));
        place.unwrap_or(order.len())
    });
    assert!(run_all(&examples, folder.path()) >= commands().len() - elsewhere.len());
}

/// The figures beside a document of results are those of its results.
#[test]
fn figures_of_results_are_drawn_from_the_results() {
    let results = repository().join("docs/results");
    let mut compared = 0;
    for entry in std::fs::read_dir(&results).unwrap() {
        let json = entry.unwrap().path();
        if json.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_rescind"))
            .arg("report")
            .arg(&json)
            .args(["--out", "page.html", "--figures", "figures"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let name = json.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(json.with_extension("md")).unwrap();
        let kept = results.join(name);
        for figure in std::fs::read_dir(folder.path().join("figures")).unwrap() {
            let figure = figure.unwrap().path();
            if figure
                .extension()
                .is_none_or(|extension| extension != "svg")
            {
                continue;
            }
            let file = figure.file_name().unwrap().to_str().unwrap();
            assert!(
                text.contains(&format!("({name}/{file})")),
                "{name}.md lacks {file}"
            );
            let drawn = std::fs::read_to_string(&figure).unwrap();
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::create_dir_all(&kept).unwrap();
                std::fs::write(kept.join(file), &drawn).unwrap();
            }
            let there = std::fs::read_to_string(kept.join(file)).unwrap_or_default();
            assert!(
                there == drawn,
                "{name}/{file} is not of {name}.json: UPDATE_DOCS=1 cargo test redraws it"
            );
            compared += 1;
        }
    }
    assert!(compared >= 5, "{compared} figures");
}

/// The tables of a page that no comparison made are those of its results.
#[test]
fn tables_of_proved_heads_are_those_of_their_results() {
    let results = repository().join("docs/results");
    let page = std::fs::read_to_string(results.join("public-backbones.md")).unwrap();
    let json = std::fs::read(results.join("public-backbones/results.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
    for (name, row) in json.as_object().unwrap() {
        let mut own = rows
            .iter()
            .filter(|line| line.starts_with(&format!("| {name} |")));
        let (accuracy, time) = (own.next().unwrap(), own.next().unwrap());
        for model in ["original", "current", "released", "retrained"] {
            let share = row["measured"][model]["test"]["accuracy"].as_f64().unwrap();
            let told = format!("{:.2} %", 100.0 * share);
            assert!(accuracy.contains(&told), "{name}, {model}: {told}");
        }
        for what in [
            "train",
            "refresh",
            "forget 1",
            "forget 100",
            "forget 1000",
            "retrain",
        ] {
            let seconds = |kind: &str| row["seconds"][what][kind].as_f64().unwrap();
            let told = |digits| {
                let [wall, processor] = ["wall", "processor"].map(seconds);
                format!("| {wall:.digits$} ({processor:.digits$}) |")
            };
            let found = time.contains(&told(0)) || time.contains(&told(1));
            assert!(found, "{name}, {what}: {}", told(1));
        }
    }
}
