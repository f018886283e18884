//! Nothing in a certificate can be edited unnoticed: not by hand, and not by somebody who signs
//! what they edited with a key of their own.

mod support;

use ed25519_dalek::{Signer, SigningKey};
use rescind::certificate::NoiseChoice;
use rescind::release::release;
use rescind::verify::{Check, Evidence, Subject, VerificationReport, verify};
use rescind_privacy::sensitivity::Provenance;
use serde_json::{Map, Value, json};
use support::*;

/// A certificate with every optional part: two bounds, all provenances that matter, a centre.
fn released(fixture: &Fixture) -> Value {
    let centre = vec![0.001_f32; fixture.network.parameter_count()];
    let mut order = fixture.order(1);
    order.ball.centre = Some(&centre);
    let failing = Provenance::Probabilistic {
        failure_probability: 1e-6,
    };
    order.candidates = vec![newton_bound(failing), ball_bound()];
    order.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
        accept_noise: true,
    };
    let folder = release(order).unwrap().folder;
    serde_json::from_slice(&std::fs::read(folder.join("certificate.json")).unwrap()).unwrap()
}

/// Certificates whose noise is within the method.
fn fine_tuned_ones() -> [Value; 2] {
    let fixture = Fixture::new();
    [(1, 5, 1), (2, 0, 0)].map(|(number, steps, epochs)| {
        serde_json::to_value(fine_tuned(&fixture, number, steps, epochs)).unwrap()
    })
}

fn check(document: &Value) -> VerificationReport {
    verify(&serde_json::to_vec(document).unwrap(), &Evidence::default())
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
fn every_edited_field_is_noticed_and_named() {
    let mut originals = vec![released(&Fixture::new())];
    originals.extend(fine_tuned_ones());
    for original in originals {
        every_edit_is_noticed(&original);
    }
}

fn every_edit_is_noticed(original: &Value) {
    assert!(check(original).holds(), "{}", check(original));
    let mut pointers = Vec::new();
    leaves(original, String::new(), &mut pointers);
    assert!(pointers.len() > 150, "{}", pointers.len());
    for pointer in &pointers {
        for edit in edits(&original.pointer(pointer).unwrap().clone()) {
            let mut document = original.clone();
            *document.pointer_mut(pointer).unwrap() = edit.clone();
            let report = check(&document);
            assert!(!report.holds(), "{pointer} = {edit} went unnoticed");
            let named = |check: &Check| {
                pointer.starts_with(&check.field) && !check.field.is_empty()
                    || check.field.starts_with(pointer.as_str())
                    || pointer.starts_with("/checksums")
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
        }
        let mut document = original.clone();
        let object = document
            .pointer_mut(&pointer)
            .unwrap()
            .as_object_mut()
            .unwrap();
        object.insert("zzz".to_owned(), json!(1));
        assert!(!check(&document).holds(), "{pointer}/zzz added unnoticed");
    }
}

/// Signs a document anew with a key of one's own, checksums and all.
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
    let mut pointers = Vec::new();
    let mut rest = document.clone();
    rest.as_object_mut()
        .unwrap()
        .retain(|name, _| name != "checksums" && name != "signature");
    leaves(&rest, String::new(), &mut pointers);
    let mut sums = Map::new();
    for pointer in pointers {
        let bytes = serde_json_canonicalizer::to_vec(rest.pointer(&pointer).unwrap()).unwrap();
        sums.insert(pointer, json!(blake3::hash(&bytes).to_hex().as_str()[..8]));
    }
    document["checksums"] = Value::Object(sums);
    let mut unsigned = document.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    let mut message = b"rescind-certificate-1\n".to_vec();
    message.extend(serde_json_canonicalizer::to_vec(&unsigned).unwrap());
    document["signature"] = json!(hex(&key.sign(&message).to_bytes()));
}

/// What somebody who signs with a key of their own may still say: facts that only the run knows.
const FREE: [&str; 36] = [
    "/model/configuration",
    "/model/ball/largest_centre",
    "/requests/0/commitment",
    "/requests/0/requested_at",
    "/released_at",
    "/model/weights",
    "/model/network",
    "/model/ball/centre",
    "/model/statistics",
    "/data/dataset",
    "/data/manifest",
    "/data/records",
    "/data/retained",
    "/data/validation",
    "/method/name",
    "/method/settings/curvature",
    "/method/settings/iterations",
    "/method/settings/minibatch",
    "/method/settings/recovery_epochs",
    "/method/settings/seed",
    "/method/training_finished",
    "/method/seconds",
    "/method/gradient_norm_before",
    "/method/gradient_norm_after",
    "/method/solve/solver",
    "/method/solve/ending",
    "/method/solve/products",
    "/method/solve/residual",
    "/method/solve/right_hand_side",
    "/noise/clamped",
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
    assert!(caught > 200 && constants > 50, "{caught} {constants}");
    // ... nor a setting that the bound of fine-tuning rests on.
    let [steps, once] = fine_tuned_ones();
    let (caught, constants) = forgeries_caught(&steps, &ROUGH);
    assert!(caught > 150 && constants > 40, "{caught} {constants}");
    forgeries_caught(&once, &ROUGH);
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

/// Without a bound of the Newton step, nothing follows from these.
const ROUGH: [&str; 1] = ["/model/non_smooth_layers"];

/// Forges every field of a certificate that others decide, and sees every forgery caught.
fn forgeries_caught(original: &Value, also_free: &[&str]) -> (usize, usize) {
    let mut honest = original.clone();
    forge(&mut honest);
    assert!(check(&honest).holds(), "{}", check(&honest));
    let mut pointers = Vec::new();
    leaves(original, String::new(), &mut pointers);
    let (mut caught, mut constants) = (0, 0);
    for pointer in &pointers {
        let derived = !FREE
            .iter()
            .chain(also_free)
            .any(|free| pointer.starts_with(free));
        let own = ["/key/", "/checksums/", "/signature"]
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
            assert!(
                !report.holds(),
                "{pointer} = {edit} went unnoticed under another key"
            );
            assert!(
                report
                    .failures()
                    .all(|check| check.subject != Subject::Signature)
            );
            caught += 1;
            constants += usize::from(constant);
        }
    }
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
    let run = Evidence {
        run: Some(fixture.run().to_owned()),
        ..Evidence::default()
    };
    let mut forged = original.clone();
    forge(&mut forged);
    for evidence in [known, run] {
        let check = |document: &Value| verify(&serde_json::to_vec(document).unwrap(), &evidence);
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
    let other = original.replace("rescind-certificate-1", "rescind-certificate-2");
    assert_eq!(verdict(&other).failures().next().unwrap().field, "/format");
}
