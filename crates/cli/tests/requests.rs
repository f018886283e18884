//! How records, methods and keys of a request are given, and the codes of what goes wrong.

mod common;

use common::{folder, json, run, status};
use rescind_data::{DataSource, load, record_hash};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn trained(here: &Path) {
    let _: Value = json(here, "train --out run --epochs 5");
}

/// Exit status, code and message of a command that fails.
fn failure(here: &Path, arguments: &str) -> (i32, String, String) {
    let output = run(here, &format!("{arguments} --json"));
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments}: {error}: {output:?}"));
    let members: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(members, ["code", "error", "status"], "{arguments}");
    let status = output.status.code().unwrap();
    assert_eq!(report["status"], status, "{arguments}");
    let text = |name: &str| report[name].as_str().unwrap().to_owned();
    (status, text("code"), text("error"))
}

fn count(answer: &Value, name: &str) -> u64 {
    answer[name].as_u64().unwrap()
}

#[test]
fn a_request_is_for_all_that_its_options_name() {
    let here = folder();
    let here = here.path();
    trained(here);
    fs::write(here.join("list"), "12-17\n18, 19\n").unwrap();
    let positions = "forget run --records 0-9 --records 5-14 --records-from list";
    let answer: Value = json(here, positions);
    assert_eq!(count(&answer, "forgotten"), 20);

    let data = load(&DataSource::Digits, None).unwrap().train;
    let class = &data.class_names()[data.labels()[20] as usize];
    let hash = record_hash(data.input_shape(), class, data.input(20).unwrap());
    let united = format!("forget run --class 3 --class 4 --hash {hash} --records 21-22");
    let answer: Value = json(here, &united);
    let forgotten = count(&answer, "forgotten");
    assert!(forgotten > 200, "two classes of ten: {forgotten}");
    assert_eq!(count(&answer, "retained"), 1440 - 20 - forgotten);
    // Nothing of what was named is left.
    for gone in ["--records 20", "--records 21-22"] {
        let (status, code, _) = failure(here, &format!("forget run {gone}"));
        assert_eq!((status, &*code), (6, "already_forgotten"), "{gone}");
    }
    for gone in ["--class 3", "--class 4"] {
        let (_, code, _) = failure(here, &format!("forget run {gone}"));
        assert_eq!(code, "already_forgotten", "{gone}");
        assert_eq!(
            status(here, &format!("plan run --epsilon 1 {gone}")),
            6,
            "{gone}"
        );
    }
    // One that cannot be met spoils the whole request.
    let (_, code, _) = failure(here, "forget run --records 30 --class eleven");
    assert_eq!(code, "unknown_class");
    let alone: Value = json(here, "forget run --records 30");
    assert_eq!(count(&alone, "forgotten"), 1);
}

#[test]
fn a_request_under_a_key_is_carried_out_once() {
    let here = folder();
    let here = here.path();
    trained(here);
    for (number, key, more) in [(1, "ticket-17", ""), (2, "ticket-18", "--sigma 40")] {
        let asked = format!("forget run --random 20 --seed {number} --key {key} {more}");
        let first: Value = json(here, &asked);
        assert_eq!(
            (&first["request"], &first["repeated"]),
            (&number.into(), &false.into())
        );
        let mut again: Value = json(here, &asked);
        assert_eq!(again["repeated"], true);
        again["repeated"] = false.into();
        assert_eq!(again, first, "the same answer but for that");
        let told = String::from_utf8(run(here, &asked).stdout).unwrap();
        assert!(told.contains("answered before"), "{told}");

        // The key stands for that request and no other.
        let other = format!("forget run --random 21 --seed {number} --key {key} {more}");
        let (status, code, said) = failure(here, &other);
        assert_eq!((status, &*code), (2, "key_reused"));
        assert!(said.contains(key), "{said}");
    }
    let standing: Value = json(here, "status run");
    assert_eq!(standing["retained"], 1400);
    assert_eq!(standing["requests"].as_array().unwrap().len(), 2);
}

#[test]
fn any_setting_of_a_method_can_be_given_by_its_name() {
    let here = folder();
    let here = here.path();
    trained(here);
    let method = |release: u32| -> Value {
        let path = format!("run/releases/{release:06}/certificate.json");
        let certificate = fs::read(here.join(path)).unwrap();
        let certificate = rescind::certificate::open(&certificate).unwrap();
        certificate.predicate["method"].clone()
    };
    let dense = r#"--set solver={"kind":"dense","max_dimension":4000}"#;
    let asked = format!("forget run --random 5 --sigma 40 --set subsample=300 {dense}");
    let _: Value = json(here, &asked);
    let newton = method(1);
    assert_eq!(newton["name"], "newton");
    assert_eq!(newton["settings"]["subsample"], 300);
    assert_eq!(newton["settings"]["solver"]["kind"], "dense");

    let asked = "forget run --random 5 --sigma 40 --method noisy-finetune --set noisy_steps=3";
    let answer: Value = json(here, asked);
    assert_eq!(answer["release"]["noise_times"], 3);
    // Plain text is a string, and counts more than the option.
    let both = "--right-hand-side forget-influence --set right_hand_side=retain-gradient";
    let _: Value = json(here, &format!("forget run --random 5 --sigma 40 {both}"));
    assert_eq!(method(3)["settings"]["right_hand_side"], "retain-gradient");

    for (wrong, code) in [
        ("--set colour=1", "method_settings"),
        ("--set subsample=some", "method_settings"),
        ("--method retrain --set epochs=1", "method_settings"),
        ("--set subsample=0", "setting"),
        (
            "--method noisy-finetune --set clip_norm=-1 --sigma 1",
            "setting",
        ),
    ] {
        let (status, found, said) = failure(here, &format!("forget run --random 5 {wrong}"));
        assert_eq!((status, &*found), (2, code), "{wrong}: {said}");
    }
}

/// Codes that a command line can bring about, with two of a run that lost a file.
#[test]
fn failures_have_codes_and_their_kind_is_the_exit_status() {
    let here = folder();
    let here = here.path();
    trained(here);
    let _: Value = json(here, "forget run --records 3");
    let _: Value = json(here, "train --out other --epochs 1");
    fs::remove_file(here.join("other/ledger.sqlite")).unwrap();
    let _: Value = json(here, "train --out keyless --epochs 1");
    fs::remove_file(here.join("keyless/private/signing.key")).unwrap();
    for (arguments, status, code) in [
        ("", 2, "usage"),
        ("frobnicate", 2, "usage"),
        ("forget run", 2, "usage"),
        ("forget run --random 5 --budget 1", 2, "usage"),
        ("forget run --random 5 --method frobnicate", 2, "usage"),
        (
            "calibrate --sensitivity 1 --epsilon 3 --delta 1e-5 --classical",
            3,
            "refused",
        ),
        ("verify nowhere.json", 1, "io"),
        ("fetch mnist --out run/run.json", 1, "io"),
        ("forget run --records-from nowhere", 1, "io"),
        ("train --network nowhere --out new", 1, "io"),
        ("train --network run/run.json --out new", 1, "network"),
        ("status nowhere", 1, "no_run"),
        ("train --out run", 1, "run_exists"),
        ("train --data mnist:nowhere --out new", 1, "data"),
        ("forget run --records 3", 6, "already_forgotten"),
        ("forget run --records 1440", 2, "request_out_of_range"),
        ("forget run --random 1440", 2, "request_too_many"),
        ("forget run --random 1439", 1, "forgets_everything"),
        (
            "forget run --hash 0000000000000000000000000000000000000000000000000000000000000000",
            1,
            "unknown_record",
        ),
        ("forget run --subject alice", 1, "no_subjects"),
        ("forget run --class eleven", 1, "unknown_class"),
        (
            "forget run --random 5 --method noisy-finetune",
            2,
            "no_noise",
        ),
        ("forget run --random 5 --method descent", 3, "not_provable"),
        ("forget run --random 5 --epsilon 1", 3, "noise_destroys"),
        ("forget run --random 5 --sigma 40 --budget 0.1", 3, "budget"),
        ("audit run", 1, "not_released"),
        ("forget other --random 5", 1, "ledger_missing"),
        ("forget keyless --random 5", 1, "key_missing"),
    ] {
        let (found, name, said) = failure(here, arguments);
        assert_eq!((found, &*name), (status, code), "{arguments}: {said}");
        assert!(!said.is_empty() && !said.starts_with("error:"), "{said}");
    }
    let standing: Value = json(here, "status run");
    assert_eq!(standing["requests"].as_array().unwrap().len(), 1);
}

/// A table of 40 people of two rows each.
fn people(here: &Path) {
    let row = |at: usize| format!("Zo\u{eb} {},{},{},{}\n", at / 2, at % 7, at % 5, at % 2);
    let text = "member,a,b,y\n".to_owned() + &(0..80).map(row).collect::<String>();
    fs::write(here.join("t.csv"), text).unwrap();
    let train = "train --data csv:t.csv?label=y&subject=member&test=0.2 --epochs 1 --out run";
    let _: Value = json(here, train);
}

#[test]
fn people_are_asked_for_by_a_list_and_answered_whatever_became_of_them() {
    let here = folder();
    let here = here.path();
    people(here);
    let data: DataSource = format!(
        "csv:{}?label=y&subject=member&test=0.2",
        here.join("t.csv").display()
    )
    .parse()
    .unwrap();
    let data = load(&data, None).unwrap();
    let person = |part: &rescind_data::Dataset, at: usize| part.subjects().unwrap()[at].clone();
    let (first, last) = (
        person(&data.train, 0),
        person(&data.train, data.train.len() - 1),
    );
    let test = person(&data.test, 0);
    // Decomposed, with space around it, CRLF, a byte order mark, and somebody of the test part.
    let written = |name: &str| {
        format!(
            "\u{feff}member,since\r\n\r\n {},1\r\n",
            name.replace('\u{eb}', "e\u{308}")
        )
    };
    fs::write(
        here.join("list.csv"),
        written(&first) + &format!("{test},2\r\n"),
    )
    .unwrap();
    let answer: Value = json(here, "forget run --subjects-from list.csv");
    assert_eq!(count(&answer, "forgotten"), 2);

    // Asked again, with somebody else: told what had been done before.
    fs::write(
        here.join("list.jsonl"),
        format!("{{\"id\": {first:?}}}\n{{\"id\": {last:?}}}\n"),
    )
    .unwrap();
    let answer: Value = json(here, "forget run --subjects-from list.jsonl");
    assert_eq!(
        (
            count(&answer, "forgotten"),
            count(&answer, "already_forgotten")
        ),
        (2, 2)
    );

    // Nothing is left to do: a status of its own, and it is remembered. Never to have been trained
    // on is what was asked for.
    fs::write(here.join("one"), &first).unwrap();
    let (status, code, _) = failure(here, "forget run --subjects-from one");
    assert_eq!((status, &*code), (6, "already_forgotten"));
    fs::write(here.join("one"), &test).unwrap();
    let (status, code, _) = failure(here, "forget run --subjects-from one");
    assert_eq!((status, &*code), (0, "never_trained_on"));
    let standing: Value = json(here, "status run");
    assert_eq!(count(&standing, "idle"), 2);
    assert_eq!(standing["requests"].as_array().unwrap().len(), 2);

    // Somebody unknown: nobody is forgotten, and who was meant is guessed.
    let other = person(&data.train, data.train.len() / 2);
    fs::write(
        here.join("one"),
        format!("{other}\n{}x\n", other.to_uppercase()),
    )
    .unwrap();
    let (status, code, message) = failure(here, "forget run --subjects-from one");
    assert_eq!((status, &*code), (1, "unknown_subject"));
    assert!(
        message.contains(&format!("Near {:?}", other.to_uppercase() + "x")),
        "{message}"
    );
    assert!(message.contains(&format!("{other:?}")), "{message}");
    fs::write(here.join("one"), "a,b\n1,2\n").unwrap();
    let (status, _, message) = failure(here, "forget run --subjects-from one");
    assert!(status == 2 && message.contains("`member`"), "{message}");
}
