//! Nothing in a certificate can be edited unnoticed: not by hand, and not by somebody who signs
//! what they edited with a key of their own.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use ed25519_dalek::{Signer, SigningKey};
use rescind::certificate::Certificate;
use rescind::verify::{Check, Evidence, Subject, VerificationReport, verify};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::Provenance;
use serde_json::{Value, json};
use support::*;

/// A certificate with every optional part: two bounds, all provenances that matter, a centre.
fn released(fixture: &Fixture) -> Value {
    let centre = vec![0.001_f32; fixture.network.parameter_count()];
    let mut order = fixture.order(1);
    order.basis.ball.centre = Some(&centre);
    order.basis.declarations = public_centre();
    let failing = Provenance::Probabilistic {
        failure_probability: 1e-6,
    };
    order.candidates = vec![newton_bound(failing), ball_bound()];
    order.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
        accept_noise: true,
    };
    let folder = fixture.release(order).unwrap().folder;
    serde_json::from_slice(&std::fs::read(folder.join("certificate.json")).unwrap()).unwrap()
}

/// Certificates whose noise is within the method.
fn fine_tuned_ones(fixture: &Fixture) -> [Value; 2] {
    [(1, 5, 1), (2, 0, 0)].map(|(number, steps, epochs)| {
        serde_json::to_value(fine_tuned(fixture, number, steps, epochs)).unwrap()
    })
}

fn check(document: &Value) -> VerificationReport {
    check_with(document, &Evidence::default())
}

fn check_with(document: &Value, evidence: &Evidence) -> VerificationReport {
    // As it was released, if it still can be read.
    let bytes = match serde_json::from_value::<Certificate>(document.clone()) {
        Ok(certificate) if serde_json::to_value(&certificate).unwrap() == *document => {
            certificate.to_json().unwrap().into_bytes()
        }
        _ => serde_json::to_vec(document).unwrap(),
    };
    verify(&bytes, evidence)
}

fn of_run(fixture: &Fixture) -> Evidence {
    Evidence {
        run: Some(fixture.run().to_owned()),
        ..Evidence::default()
    }
}

/// Pointers of all leaves.
fn leaves(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                leaves(
                    value,
                    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                    all,
                );
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, format!("{pointer}/{index}"), all);
            }
        }
        _ => all.push(pointer),
    }
}

/// Small edits of a leaf: a digit, a word, a sign.
fn edits(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Null => vec![json!("x"), json!(0)],
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => {
            let value = number.as_f64().unwrap();
            let mut edits = vec![json!(value * 1.000_001 + 1e-9), json!(-value - 1.0)];
            if let Some(whole) = number.as_u64() {
                edits.extend([json!(whole + 1), json!(whole ^ 2)]);
            } else {
                edits.push(json!(value.next_down()));
            }
            edits
        }
        Value::String(text) => {
            // One character in the middle: the next digit or letter.
            let mut characters: Vec<char> = text.chars().collect();
            let mut edits = vec![json!(format!("{text} "))];
            if let Some(at) = (0..characters.len())
                .rev()
                .find(|at| characters[*at].is_ascii_alphanumeric())
            {
                characters[at] = match characters[at] {
                    '9' => '0',
                    'f' | 'z' => 'a',
                    'Z' => 'A',
                    other => char::from(other as u8 + 1),
                };
                edits.push(json!(characters.iter().collect::<String>()));
            }
            edits
        }
        Value::Array(_) => vec![json!(["x"])],
        Value::Object(_) => vec![json!({"x": 1})],
    }
}

#[test]
fn every_edited_field_fails_the_signature_and_is_named_by_the_run() {
    let (one, tuned) = (Fixture::new(), Fixture::new());
    every_edit_is_noticed(&released(&one), &one);
    for original in fine_tuned_ones(&tuned) {
        every_edit_is_noticed(&original, &tuned);
    }
}

fn every_edit_is_noticed(original: &Value, fixture: &Fixture) {
    assert!(check(original).holds(), "{}", check(original));
    let evidence = of_run(fixture);
    let report = check_with(original, &evidence);
    assert!(report.holds(), "{report}");
    let mut pointers = Vec::new();
    leaves(original, String::new(), &mut pointers);
    assert!(pointers.len() > 75, "{}", pointers.len());
    for pointer in &pointers {
        for edit in edits(&original.pointer(pointer).unwrap().clone()) {
            let mut document = original.clone();
            *document.pointer_mut(pointer).unwrap() = edit.clone();
            // By itself the document shows that it was edited.
            let report = check(&document);
            let unsigned =
                |check: &Check| check.subject == Subject::Signature || pointer == "/format";
            assert!(
                report.failures().any(unsigned),
                "{pointer} = {edit}: {report}"
            );
            // The ledger has the original, so that the run shows where.
            let report = check_with(&document, &evidence);
            let named = |check: &Check| {
                pointer.starts_with(&check.field) && !check.field.is_empty()
                    || check.field.starts_with(pointer.as_str())
            };
            assert!(report.failures().any(named), "{pointer} = {edit}: {report}");
        }
    }
}

#[test]
fn every_removed_and_added_field_is_noticed() {
    let original = released(&Fixture::new());
    let mut objects = vec![String::new()];
    let mut pointers = Vec::new();
    leaves(&original, String::new(), &mut pointers);
    for pointer in &pointers {
        for (at, _) in pointer.match_indices('/').skip(1) {
            objects.push(pointer[..at].to_owned());
        }
    }
    objects.sort();
    objects.dedup();
    for pointer in objects {
        let at = |document: &mut Value| {
            document
                .pointer_mut(&pointer)
                .unwrap()
                .as_object_mut()
                .cloned()
        };
        let Some(members) = at(&mut original.clone()) else {
            continue;
        };
        for name in members.keys() {
            let mut document = original.clone();
            document
                .pointer_mut(&pointer)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(name);
            assert!(
                !check(&document).holds(),
                "{pointer}/{name} removed unnoticed"
            );
            // Nor can whoever signs it leave one out, but for what signing puts there.
            if pointer != "/key" && name != "key" && name != "signature" {
                forge(&mut document);
                // A setting that no bound rests on.
                let free = pointer == "/method/settings"
                    && ["curvature", "iterations"].contains(&name.as_str());
                assert_eq!(check(&document).holds(), free, "{pointer}/{name} removed");
            }
        }
        let mut document = original.clone();
        let object = document
            .pointer_mut(&pointer)
            .unwrap()
            .as_object_mut()
            .unwrap();
        object.insert("zzz".to_owned(), json!(1));
        assert!(!check(&document).holds(), "{pointer}/zzz added unnoticed");
        // Whoever signs it, none is added but a setting of a method.
        forge(&mut document);
        let free = pointer.starts_with("/method/settings") || pointer == "/key";
        assert_eq!(check(&document).holds(), free, "{pointer}/zzz added");
    }
}

/// Signs a document anew with a key of one's own.
fn forge(document: &mut Value) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let public = key.verifying_key().to_bytes();
    let hash = blake3::hash(&public).to_hex();
    let groups: Vec<&str> = (0..8)
        .map(|group| &hash.as_str()[4 * group..4 * group + 4])
        .collect();
    document["key"] = json!({
        "algorithm": document["key"]["algorithm"],
        "public_key": hex(&public),
        "fingerprint": groups.join("-"),
    });
    let mut unsigned = document.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    let mut message = b"rescind-certificate-2\n".to_vec();
    message.extend(serde_json_canonicalizer::to_vec(&unsigned).unwrap());
    document["signature"] = json!(hex(&key.sign(&message).to_bytes()));
}

/// What somebody who signs with a key of their own may still say: facts that only the run knows.
const FREE: [&str; 30] = [
    "/declarations/0/by",
    "/model/configuration",
    "/model/ball/largest_centre",
    "/requests/0/commitment",
    "/requests/0/requested_on",
    "/requests/0/records",
    "/released_on",
    "/model/weights",
    "/model/kind",
    "/model/description",
    "/model/ball/centre",
    "/model/ball/seed",
    "/model/statistics",
    "/model/parameters",
    "/data/dataset",
    "/data/manifest",
    "/data/records",
    "/data/retained",
    "/data/validation",
    "/method/settings/curvature",
    "/method/settings/iterations",
    "/method/settings/minibatch",
    "/method/settings/recovery_epochs",
    "/method/settings/seed",
    "/ledger/entries",
    "/ledger/head",
    "/earlier/requests",
    "/code",
    "/bounds/0/constants",
    "/bounds/1/constants",
];

#[test]
fn a_forger_with_a_key_cannot_change_a_figure_that_follows_from_others() {
    let (caught, constants) = forgeries_caught(&released(&Fixture::new()), &[]);
    assert!(caught > 180 && constants > 60, "{caught} {constants}");
    // ... nor a setting that the bound of fine-tuning rests on.
    let [steps, once] = fine_tuned_ones(&Fixture::new());
    let (caught, constants) = forgeries_caught(&steps, &WITHIN);
    assert!(caught > 130 && constants > 40, "{caught} {constants}");
    forgeries_caught(&once, &WITHIN);
    for (field, value) in [
        ("/method/settings/start_radius", json!(0.4)),
        ("/method/settings/clip_norm", json!(1.0)),
        ("/method/settings/recovery_epochs", json!(0)),
        ("/method/settings/recovery_epochs", json!(1.5)),
        ("/method/settings/noisy_steps", json!("five")),
    ] {
        let mut document = steps.clone();
        *document.pointer_mut(field).unwrap() = value;
        forge(&mut document);
        assert!(!check(&document).holds(), "{field}");
    }
    // A second bound beside that of noise within the method.
    let mut document = once.clone();
    let ball = released(&Fixture::new())["bounds"][1].clone();
    document["bounds"].as_array_mut().unwrap().push(ball);
    forge(&mut document);
    assert!(!check(&document).holds());
}

/// What no bound of noise within the method rests on.
const WITHIN: [&str; 2] = ["/model/rough_parts", "/model/ball/radius"];

/// Whether two numbers are neighbours.
fn last_bit(one: &Value, other: &Value) -> bool {
    let (one, other) = (one.as_f64(), other.as_f64());
    one.zip(other)
        .is_some_and(|(one, other)| other.to_bits() == one.next_down().to_bits())
}

/// Forges every field of a certificate that others decide, and sees every forgery caught.
fn forgeries_caught(original: &Value, also_free: &[&str]) -> (usize, usize) {
    let mut honest = original.clone();
    forge(&mut honest);
    assert!(check(&honest).holds(), "{}", check(&honest));
    let mut pointers = Vec::new();
    leaves(original, String::new(), &mut pointers);
    let (mut caught, mut constants, mut missed) = (0, 0, Vec::new());
    for pointer in &pointers {
        let derived = !FREE
            .iter()
            .chain(also_free)
            .any(|free| pointer.starts_with(free));
        let own = ["/key/", "/signature"]
            .iter()
            .any(|p| pointer.starts_with(p));
        // A constant's value decides its bound, and its provenance the kind; how it was obtained
        // is the signer's word.
        let constant = pointer.contains("/constants/") && !pointer.ends_with("/how");
        if own && pointer != "/key/algorithm" || !derived && !constant {
            continue;
        }
        for edit in edits(&original.pointer(pointer).unwrap().clone()) {
            let mut document = original.clone();
            *document.pointer_mut(pointer).unwrap() = edit.clone();
            forge(&mut document);
            let report = check(&document);
            // A constant's last bit may be lost in the rounding of its bound, which is then the
            // same.
            if constant && last_bit(original.pointer(pointer).unwrap(), &edit) && report.holds() {
                continue;
            }
            if report.holds() {
                missed.push(format!("{pointer} = {edit}"));
            }
            assert!(
                report
                    .failures()
                    .all(|check| check.subject != Subject::Signature)
            );
            caught += 1;
            constants += usize::from(constant);
        }
    }
    assert!(
        missed.is_empty(),
        "unnoticed under another key: {missed:#?}"
    );
    (caught, constants)
}

#[test]
fn whose_key_signed_shows_when_the_fingerprint_or_the_run_is_known() {
    let fixture = Fixture::new();
    let original = released(&fixture);
    let fingerprint = original["key"]["fingerprint"].as_str().unwrap().to_owned();
    let known = Evidence {
        fingerprint: Some(fingerprint),
        ..Evidence::default()
    };
    let run = of_run(&fixture);
    let mut forged = original.clone();
    forge(&mut forged);
    for evidence in [known, run] {
        let check = |document: &Value| check_with(document, &evidence);
        assert!(check(&original).holds(), "{}", check(&original));
        let report = check(&forged);
        assert!(
            report.failures().any(|check| check.subject == Subject::Key),
            "{report}"
        );
    }
}

#[test]
fn bytes_that_readers_could_disagree_about_are_refused() {
    let original = serde_json::to_string(&released(&Fixture::new())).unwrap();
    let verdict = |text: &str| verify(text.as_bytes(), &Evidence::default());
    assert!(verdict(&original).holds());
    let twice = original.replacen("{", "{\"release\": 9,", 1);
    assert!(!verdict(&twice).holds());
    for broken in [
        "",
        "null",
        "[]",
        "{",
        "\u{feff}{}",
        &original[..original.len() - 1],
    ] {
        let report = verdict(broken);
        assert!(
            !report.holds() && report.certificate().is_none(),
            "{broken:.20}"
        );
    }
    let other = original.replace("rescind-certificate-2", "rescind-certificate-3");
    assert_eq!(verdict(&other).failures().next().unwrap().field, "/format");
}
