//! Files that are named on the command line: what they may be, and what they are not allowed to
//! overwrite.
#![cfg(unix)]

mod common;

use common::{folder, json, rescind, run, status};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const TABLE: &str = "csv:t.csv?label=y&test=0.2";

fn table(here: &Path) {
    let rows: String = (0..60).map(|i| format!("{i},{}\n", i % 2)).collect();
    fs::write(here.join("t.csv"), format!("a,y\n{rows}")).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The reader of Parquet panics at this file, whose pages refer to a dictionary that is not there.
#[test]
fn a_file_that_makes_its_reader_panic_is_refused_in_one_line() {
    let here = folder();
    let damaged = include_bytes!("../../data/tests/fixtures/no-dictionary.parquet");
    fs::write(here.path().join("t.parquet"), damaged).unwrap();
    let output = run(
        here.path(),
        "train --data parquet:t.parquet?label=y&hash=plan&drop=day&missing=mark --out run -q",
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("cannot be read as Parquet"), "{said}");
    assert!(!here.path().join("run").exists());
}

/// Every file that a command reads, given as a pipe that is written to and closed: waited for, and read
/// or refused as its content deserves.
#[test]
fn pipes_are_read_to_their_end() {
    let here = folder();
    let here = here.path();
    table(here);
    let _: Value = json(here, "train --out run --epochs 1");
    let made = Command::new("mkfifo").arg(here.join("pipe")).status();
    assert!(made.unwrap().success());
    let columns = "missing = \"refuse\"\n[columns]\na = \"number\"\n";
    for (words, content, status) in [
        (
            format!("train --data {TABLE} --columns pipe --epochs 1 --out with -q"),
            columns,
            0,
        ),
        ("forget run --records-from pipe".to_owned(), "3,4\n5\n", 0),
        ("forget run --subjects-from pipe".to_owned(), "ann\n", 1),
        ("train --network pipe --out other".to_owned(), "{}", 1),
        ("import pipe --out other".to_owned(), "no weights", 1),
        (
            "train --head --centre pipe --declared-by me --out other".to_owned(),
            "no weights",
            1,
        ),
        ("verify pipe".to_owned(), "no certificate", 4),
    ] {
        let mut command = rescind(here, &words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // Opened once the command opens it for reading.
        let mut pipe = fs::File::options()
            .write(true)
            .open(here.join("pipe"))
            .unwrap();
        pipe.write_all(content.as_bytes()).unwrap();
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{words}: {}",
            said(&output)
        );
        assert!(!here.join("other").exists(), "{words}");
    }
}

/// Exit status 1 means that nothing happened.
#[cfg(target_os = "linux")]
#[test]
fn what_was_done_is_no_failure_where_it_cannot_be_told() {
    let here = folder();
    let here = here.path();
    table(here);
    for words in [
        &format!("columns {TABLE} --out c"),
        "train --hidden 4 --epochs 1 --out run",
        "forget run --records 1",
        "release run --sigma 1",
        "retrain run",
        "report run --no-attacks",
        "amend run --budget 1e9",
        "purge run",
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = rescind(here, words)
            .arg("-q")
            .stdout(full)
            .output()
            .unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{words}: {said}");
        assert!(said.contains("done, but"), "{words}: {said}");
    }
    assert_eq!(status(here, "status run"), 0);
}

/// As spreadsheets and PowerShell save them.
#[test]
fn text_with_a_byte_order_mark_is_read() {
    let here = folder();
    let here = here.path();
    table(here);
    let utf8 = |text: &str| format!("\u{feff}{text}").into_bytes();
    let utf16 = |text: &str| {
        let units = text.replace('\n', "\r\n");
        let units = format!("\u{feff}{units}");
        units.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    type Saved<'a> = &'a dyn Fn(&str) -> Vec<u8>;
    for (name, saved) in [("utf8", &utf8 as Saved<'_>), ("utf16", &utf16)] {
        let put = |file: &str, text: &str| fs::write(here.join(file), saved(text)).unwrap();
        put(
            "c.columns",
            "missing = \"refuse\"\n[columns]\na = \"number\"\n",
        );
        put(
            "n.json",
            r#"{"input": [1], "output": "l", "nodes": [
                {"name": "l", "layer": {"kind": "linear", "outputs": 2}, "inputs": ["input"]}]}"#,
        );
        put("positions", "1,2\n3\n");
        let train = format!("train --data {TABLE} --columns c.columns --network n.json");
        let _: Value = json(here, &format!("{train} --epochs 1 --out {name}"));
        let answer: Value = json(here, &format!("forget {name} --records-from positions"));
        assert_eq!(answer["forgotten"], 3);
    }
}

#[test]
fn an_endless_device_is_refused() {
    let here = folder();
    table(here.path());
    let output = run(
        here.path(),
        &format!("train --data {TABLE} --columns /dev/zero --out run"),
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no regular file"), "{said}");
}

#[test]
fn reports_and_figures_replace_their_own_files_and_nobody_else_s() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 1");
    let report = "report run --no-attacks --out page.html --figures pictures";
    for _ in 0..2 {
        let output = run(here, report);
        assert!(output.status.success(), "{}", said(&output));
    }
    let mut figures: Vec<_> = fs::read_dir(here.join("pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    figures.sort();
    assert!(figures.len() >= 2, "{figures:?}");
    for other in figures.into_iter().chain([here.join("page.html")]) {
        let own = fs::read(&other).unwrap();
        fs::write(&other, "somebody else's").unwrap();
        let output = run(here, report);
        assert_eq!(output.status.code(), Some(1), "{other:?}");
        assert!(said(&output).contains("not made by rescind"));
        assert_eq!(fs::read(&other).unwrap(), b"somebody else's");
        fs::write(&other, own).unwrap();
    }
}

#[test]
fn a_draft_of_columns_is_its_owner_s_and_follows_no_link() {
    let here = folder();
    let here = here.path();
    table(here);
    let draft = |name: &str| run(here, &format!("columns {TABLE} --out {name}"));
    assert!(draft("t.columns").status.success());
    let mode = here.join("t.columns").metadata().unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(status(here, &format!("columns {TABLE} --out t.columns")), 1);
    symlink(here.join("elsewhere"), here.join("link")).unwrap();
    let output = draft("link");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("is there already"));
    assert!(!here.join("elsewhere").exists());
}

/// What only a few records tell is not drafted, and no class is declared by drafting it.
#[test]
fn a_draft_declares_no_class_and_tells_of_no_rare_one() {
    let here = folder();
    let here = here.path();
    let row = |i: usize| match i {
        7 => "7,bespoke,HIV\n".to_owned(),
        _ => format!("{i},{},{}\n", ["p", "q"][i % 2], ["no", "yes"][i % 3 / 2]),
    };
    let rows: String = (0..60).map(row).collect();
    fs::write(here.join("t.csv"), format!("a,plan,y\n{rows}")).unwrap();
    let output = run(here, &format!("columns {TABLE}"));
    let draft = String::from_utf8(output.stdout).unwrap();
    assert!(
        !draft.contains("HIV") && !draft.contains("bespoke"),
        "{draft}"
    );
    let classes = "# classes = [\"no\", \"yes\"] # 1 of fewer than 10 rows left out";
    assert!(draft.lines().any(|line| line == classes), "{draft}");
    fs::write(here.join("c.columns"), &draft).unwrap();
    let train = format!("train --data {TABLE} --columns c.columns --epochs 1 --out run");
    let told: Value = json(here, &train);
    assert_eq!(told["classes_read_from_records"], true);
}

/// Whoever holds a lock writes who it is.
#[test]
fn a_lock_that_leads_elsewhere_is_not_written_to() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 1");
    let lock = here.join("run/private/lock");
    fs::write(here.join("letter"), "dear").unwrap();
    fs::remove_file(&lock).unwrap();
    symlink(here.join("letter"), &lock).unwrap();
    let output = run(here, "forget run --records 1");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("lock"), "{}", said(&output));
    assert_eq!(fs::read(here.join("letter")).unwrap(), b"dear");
}

/// What they lead to may be others' to read, and is not the run's to write or to remove.
#[test]
fn links_in_a_run_are_not_followed() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 1");
    let _: Value = json(here, "forget run --records 1 --sigma 1");
    let outside = here.join("outside");
    for part in [
        "releases",
        "ledger.sqlite",
        "private",
        "private/state",
        "private/kept",
        "private/early",
        "private/staging/000002",
        "private/state/000009",
    ] {
        let (part, aside) = (here.join("run").join(part), here.join("aside"));
        let there = fs::rename(&part, &aside).is_ok();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("letter.bin"), "dear").unwrap();
        symlink(&outside, &part).unwrap();
        for words in ["forget run --records 2", "purge run", "amend run --adopt"] {
            let output = run(here, words);
            assert_eq!(output.status.code(), Some(1), "{part:?}: {words}");
            assert!(said(&output).contains("cannot use it"), "{}", said(&output));
        }
        assert_eq!(fs::read(outside.join("letter.bin")).unwrap(), b"dear");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "{part:?}");
        fs::remove_file(&part).unwrap();
        fs::remove_dir_all(&outside).unwrap();
        if there {
            fs::rename(&aside, &part).unwrap();
        }
    }
    let _: Value = json(here, "forget run --records 2");
}

#[test]
fn nothing_is_put_among_what_a_run_keeps_to_itself() {
    let here = folder();
    let here = here.path();
    table(here);
    let _: Value = json(here, "train --out run --epochs 1");
    let _: Value = json(here, "forget run --records 1 --sigma 1");
    symlink("run/releases", here.join("link")).unwrap();
    for words in [
        "report run --no-attacks --out run/releases/report.html",
        "report run --no-attacks --out link/report.html",
        "report run --no-attacks --figures run/releases/000001/figures",
        "report run --no-attacks --figures run/private/new/figures",
        "train --epochs 1 --out run/releases/other",
        "demo --out run/private/demo",
        &format!("columns {TABLE} --out ./run/../run/private/kept"),
    ] {
        let output = run(here, words);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(said(&output).contains("keeps to itself"), "{words}");
    }
    assert_eq!(fs::read_dir(here.join("run/releases")).unwrap().count(), 1);
    assert_eq!(
        status(here, "report run --no-attacks --out run/other.html"),
        0
    );
    let _: Value = json(here, "forget run --records 2");
}

/// The runs of a demonstration are no part of another run.
#[test]
fn a_demonstration_is_not_put_into_a_run() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 1");
    let output = run(here, "demo --out run");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!here.join("run/network").exists());
}

/// What is refused before anything is done leaves nothing, also of the folders above.
#[test]
fn a_run_that_is_not_made_leaves_no_folder() {
    let here = folder();
    let here = here.path();
    fs::write(here.join("weights"), "none").unwrap();
    fs::create_dir(here.join("mine")).unwrap();
    for (words, made) in [
        ("train --data mnist:nowhere --out a/b/run", "a"),
        ("import weights --out a/b/run", "a"),
        ("import weights --out mine", "mine/private"),
    ] {
        assert_eq!(status(here, words), 1, "{words}");
        assert!(!here.join(made).exists(), "{words}");
    }
    assert!(here.join("mine").exists());
    let _: Value = json(here, "train --out a/b/run --epochs 1");
}

/// A model of ONNX brings its network along, and what lies beside it.
#[test]
fn a_model_of_onnx_is_imported_without_naming_its_network() {
    let here = folder();
    let here = here.path();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network/tests/fixtures/onnx");
    for name in ["digits.onnx", "digits.onnx.data", "refused.onnx"] {
        fs::copy(fixtures.join(name), here.join(name)).unwrap();
    }
    let imported: Value = json(here, "import digits.onnx --data digits --out run");
    assert_eq!(imported["parameters"], 650);
    let _: Value = json(here, "forget run --random 5 --sigma 0.1");
    assert_eq!(
        status(
            here,
            "verify run/releases/000001/certificate.json --run run"
        ),
        0
    );
    let output = run(here, "import digits.onnx --model mlp --out other");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let output = run(here, "import refused.onnx --out other");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("\"over channels\""));
    fs::remove_file(here.join("digits.onnx.data")).unwrap();
    let output = run(here, "import digits.onnx --out other");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("digits.onnx.data"));
    assert!(!here.join("other").exists());
}

/// Not in `run`, as the database would have it, which takes such a name for an address.
#[test]
fn a_run_named_like_an_address_lies_in_its_folder() {
    let here = folder();
    fs::create_dir(here.path().join("run")).unwrap();
    let _: Value = json(here.path(), "train --hidden 4 --epochs 1 --out file:run");
    let _: Value = json(here.path(), "forget file:run --records 1 --sigma 1");
    let _: Value = json(here.path(), "status file:run");
    assert_eq!(fs::read_dir(here.path().join("run")).unwrap().count(), 0);
}
