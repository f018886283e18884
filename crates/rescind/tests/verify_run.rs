//! Verification against the run a certificate is from.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rescind::certificate::{Certificate, digest_of};
use rescind::verify::{
    Evidence, Outcome, Recomputed, Subject, Verdict, VerificationReport, verify,
};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use support::*;

fn released(fixture: &Fixture) -> (Certificate, PathBuf) {
    let released = fixture.release(fixture.order(1)).unwrap();
    (released.certificate, released.folder)
}

fn check(folder: &Path, evidence: &Evidence) -> VerificationReport {
    verify(
        &fs::read(folder.join("certificate.json")).unwrap(),
        evidence,
    )
}

fn of_run(fixture: &Fixture) -> Evidence {
    Evidence {
        run: Some(fixture.run().to_owned()),
        ..Evidence::default()
    }
}

fn failed_subjects(report: &VerificationReport) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = report.failures().map(|check| check.subject).collect();
    subjects.dedup();
    subjects
}

/// A certificate's file with another text in its payload.
fn with_payload(document: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(document).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
    let payload = String::from_utf8(payload.unwrap()).unwrap();
    let changed = change(payload.clone());
    assert_ne!(changed, payload);
    envelope["payload"] = STANDARD.encode(changed).into();
    serde_json::to_vec(&envelope).unwrap()
}

#[test]
fn everything_that_a_run_can_show_is_checked() {
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    let report = check(&folder, &of_run(&fixture));
    assert!(report.holds(), "{report}");
    for subject in [
        Subject::Document,
        Subject::Signature,
        Subject::Key,
        Subject::Arithmetic,
        Subject::Consistency,
        Subject::Ledger,
        Subject::Files,
        Subject::Records,
    ] {
        let passed = |check: &&rescind::verify::Check| {
            check.subject == subject && check.outcome == Outcome::Passed
        };
        assert!(
            report.checks().iter().any(|check| passed(&check)),
            "{subject:?}"
        );
    }
    let skipped = |check: &&rescind::verify::Check| check.outcome == Outcome::Skipped;
    assert!(
        report
            .checks()
            .iter()
            .filter(skipped)
            .any(|c| c.subject == Subject::Measurements)
    );
    assert_eq!(report.verdict(), Verdict::Holds);
    assert!(
        report.unchecked().all(|said| !said.contains("whose key")),
        "{report}"
    );
}

#[test]
fn with_the_run_an_edit_is_named_with_what_stood_there() {
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    let document = fs::read(folder.join("certificate.json")).unwrap();
    let edited = with_payload(&document, |text| {
        text.replace("\"dataset\":\"digits\"", "\"dataset\":\"digit5\"")
    });
    let report = verify(&edited, &of_run(&fixture));
    let named = report
        .failures()
        .find(|check| check.subject == Subject::Ledger)
        .unwrap();
    assert_eq!(named.field, "/data/dataset");
    let Outcome::Failed { expected, found } = &named.outcome else {
        panic!()
    };
    assert_eq!(
        (expected.as_str(), found.as_str()),
        ("\"digits\"", "\"digit5\"")
    );
    assert!(
        report.to_string().contains("FAILED   /data/dataset"),
        "{report}"
    );
}

#[test]
fn every_file_of_a_release_and_its_run_counts() {
    let cases: [(&str, Subject); 8] = [
        ("run.json", Subject::Files),
        ("releases/000001/weights.safetensors", Subject::Files),
        ("releases/000001/model.json", Subject::Files),
        ("releases/000001/certificate.txt", Subject::Files),
        ("releases/000001/certificate.md", Subject::Files),
        ("private/manifest", Subject::Records),
        ("private/signing.key", Subject::Key),
        ("ledger.sqlite", Subject::Ledger),
    ];
    for (file, subject) in cases {
        let fixture = Fixture::new();
        let (_, folder) = released(&fixture);
        let path = fixture.run().join(file);
        let mut bytes = fs::read(&path).unwrap();
        // the last byte that says something
        let at = bytes
            .iter()
            .rposition(|byte| byte.is_ascii_hexdigit())
            .unwrap();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        fs::write(&path, &bytes).unwrap();
        let report = check(&folder, &of_run(&fixture));
        assert!(
            failed_subjects(&report).contains(&subject),
            "{file} edited: {report}"
        );
        fs::remove_file(&path).unwrap();
        let report = check(&folder, &of_run(&fixture));
        assert!(
            failed_subjects(&report).contains(&subject),
            "{file} removed: {report}"
        );
    }
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    fs::remove_file(fixture.run().join("private/requests.sqlite")).unwrap();
    let report = check(&folder, &of_run(&fixture));
    assert_eq!(failed_subjects(&report), [Subject::Ledger], "{report}");
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    fs::write(folder.join("weights.bak"), "un-noised?").unwrap();
    assert_eq!(
        failed_subjects(&check(&folder, &of_run(&fixture))),
        [Subject::Files]
    );
}

#[test]
fn an_opening_of_other_records_is_noticed() {
    for (what, change) in [
        (
            "other records",
            "json_set(body, '$.forgotten.positions', '30-39')",
        ),
        (
            "another salt",
            "json_set(body, '$.salt', printf('%064d', 7))",
        ),
        ("one blank more", "body || ' '"),
        ("nothing", "'nothing'"),
    ] {
        let fixture = Fixture::new();
        let (_, folder) = released(&fixture);
        let database = Connection::open(fixture.run().join("private/requests.sqlite")).unwrap();
        let edit = format!("UPDATE answers SET body = {change} WHERE number = 1");
        assert_eq!(database.execute(&edit, []).unwrap(), 1);
        let report = check(&folder, &of_run(&fixture));
        assert_eq!(failed_subjects(&report), [Subject::Records], "{report}");
        let fields: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
        assert!(
            fields.contains(&"private/requests.sqlite"),
            "{what}: {fields:?}"
        );
    }
}

#[test]
fn certificates_of_another_run_are_not_this_runs() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    released(&fixture);
    let (_, folder) = released(&other);
    let report = check(&folder, &of_run(&fixture));
    let subjects = failed_subjects(&report);
    for subject in [
        Subject::Ledger,
        Subject::Key,
        Subject::Files,
        Subject::Records,
    ] {
        assert!(subjects.contains(&subject), "{subject:?}: {report}");
    }
    let nowhere = Evidence {
        run: Some("nowhere".into()),
        ..Evidence::default()
    };
    assert!(!check(&folder, &nowhere).holds());
}

/// What was measured belongs to one certificate, which quotes it where its promise rests on it.
#[test]
fn evidence_that_is_gone_foreign_or_edited_is_found() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.method = with_theorem();
    order.candidates = vec![newton_bound(failing(1e-6)), ball_bound()];
    let folder = fixture.release(order).unwrap().folder;
    let report = check(&folder, &of_run(&fixture));
    assert!(report.holds(), "{report}");
    let path = fixture.run().join("private/evidence/000001.json");
    let text = fs::read_to_string(&path).unwrap();
    let digest = digest_of(&fs::read(folder.join("certificate.json")).unwrap()).to_string();
    for (what, edited) in [
        ("another's", text.replace(&digest, &"0".repeat(64))),
        ("another residual", text.replace("0.0004", "0.0003")),
        ("another time", text.replace("1.25", "-1.25")),
        ("a time as likely", text.replace("1.25", "1.5")),
        ("a space more", format!("{text} ")),
        ("another format", text.replace("evidence-2", "evidence-1")),
    ] {
        assert_ne!(edited, text, "{what}");
        fs::write(&path, edited).unwrap();
        let report = check(&folder, &of_run(&fixture));
        let failed = failed_subjects(&report);
        assert_eq!(failed, [Subject::Measurements], "{what}: {report}");
    }
    fs::remove_file(&path).unwrap();
    let report = check(&folder, &of_run(&fixture));
    assert_eq!(
        failed_subjects(&report),
        [Subject::Measurements],
        "{report}"
    );
}

#[test]
fn looking_changes_nothing() {
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    let nothing = tempfile::tempdir().unwrap();
    let evidence = Evidence {
        run: Some(nothing.path().to_owned()),
        ..Evidence::default()
    };
    assert!(!check(&folder, &evidence).holds());
    assert_eq!(fs::read_dir(nothing.path()).unwrap().count(), 0);
    let databases =
        || ["ledger.sqlite", "private/requests.sqlite"].map(|f| fs::read(fixture.run().join(f)));
    let before = databases().map(Result::unwrap);
    let names = || {
        let items = fs::read_dir(fixture.run().join("private")).unwrap();
        items
            .map(|item| item.unwrap().file_name())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let private = names();
    assert!(check(&folder, &of_run(&fixture)).holds());
    assert_eq!(databases().map(Result::unwrap), before);
    assert_eq!(names(), private);
}

fn recomputed() -> Recomputed {
    Recomputed {
        records: true,
        retained: 1330,
        distance_from_centre: 2.0,
        gradient_norm_before: Some(0.186),
        gradient_norm_after: Some(0.19),
        residual: Some(0.0003),
        theorem_residual: Some(0.0004),
    }
}

#[test]
fn quantities_computed_again_must_come_out_the_same() {
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    let report_for = |change: &dyn Fn(&mut Recomputed)| {
        let mut again = recomputed();
        change(&mut again);
        let evidence = Evidence {
            recomputed: Some(again),
            ..of_run(&fixture)
        };
        check(&folder, &evidence)
    };
    assert!(report_for(&|_| ()).holds(), "{}", report_for(&|_| ()));
    assert!(report_for(&|again| again.gradient_norm_after = Some(0.19 * (1.0 + 1e-9))).holds());
    assert!(report_for(&|again| again.residual = None).holds());
    type Change<'a> = &'a dyn Fn(&mut Recomputed);
    let cases: [(&str, Change<'_>); 6] = [
        ("/measured/gradient_norm_after", &|again| {
            again.gradient_norm_after = Some(0.190_001)
        }),
        ("/measured/gradient_norm_after", &|again| {
            again.gradient_norm_after = Some(f64::NAN)
        }),
        ("/measured/gradient_norm_before", &|again| {
            again.gradient_norm_before = Some(0.2)
        }),
        ("/measured/solve/residual", &|again| {
            again.residual = Some(0.000_5)
        }),
        ("/model/ball/radius", &|again| {
            again.distance_from_centre = 20.000_001
        }),
        ("/data/retained", &|again| again.retained = 1331),
    ];
    for (field, change) in cases {
        let report = report_for(change);
        let fields: Vec<&str> = report
            .failures()
            .map(|check| check.field.as_str())
            .collect();
        assert_eq!(fields, [field], "{report}");
    }
}

#[test]
fn a_row_that_disagrees_is_noticed_even_if_the_chain_was_rebuilt() {
    let fixture = Fixture::new();
    let (_, folder) = released(&fixture);
    // Somebody rewrites the whole chain from the release on, and where it ends.
    let database = Connection::open(fixture.run().join("ledger.sqlite")).unwrap();
    let trigger = "SELECT sql FROM sqlite_master WHERE name = 'entries_are_not_changed'";
    let trigger: String = database.query_row(trigger, [], |row| row.get(0)).unwrap();
    database
        .execute_batch("DROP TRIGGER entries_are_not_changed")
        .unwrap();
    let mut query = database
        .prepare("SELECT sequence, kind, body FROM entries ORDER BY sequence")
        .unwrap();
    let rows: Vec<(i64, String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut previous = "0".repeat(64);
    for (sequence, kind, body) in rows {
        let body = if kind == "release" {
            body.replace("\"sigma\":0.01", "\"sigma\":0.5")
        } else {
            body
        };
        let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 ledger entry v1");
        hasher.update(&sequence.to_le_bytes());
        for text in [&kind, &body] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(blake3::Hash::from_hex(&previous).unwrap().as_bytes());
        let digest = hasher.finalize().to_hex().to_string();
        let change = "UPDATE entries SET body = ?, previous = ?, digest = ? WHERE sequence = ?";
        database
            .execute(change, (&body, &previous, &digest, sequence))
            .unwrap();
        previous = digest;
    }
    database.execute_batch(&trigger).unwrap();
    let private = Connection::open(fixture.run().join("private/requests.sqlite")).unwrap();
    let end = "UPDATE present SET value = ? WHERE name = 'head'";
    assert_eq!(private.execute(end, [&previous]).unwrap(), 1);
    let report = check(&folder, &of_run(&fixture));
    assert_eq!(failed_subjects(&report), [Subject::Ledger], "{report}");
    assert!(
        report.to_string().contains("the ledger's row disagrees"),
        "{report}"
    );
}
