//! Nothing in a certificate can be edited unnoticed: not by hand, and not by somebody who signs
//! what they edited with a key of their own.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use rescind::certificate::{PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, signed_bytes};
use rescind::verify::{Check, Evidence, Subject, Verdict, VerificationReport, verify};
use rescind_privacy::noise::{Grid, ReleaseFormat};
use rescind_privacy::sensitivity::{Provenance, SensitivityBound, Symbol, Theorem};
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseChoice, analytic};
use serde_json::{Value, json};
use support::*;

/// A certificate with every optional part: two bounds, all provenances that matter, a centre.
fn released(fixture: &Fixture) -> Value {
    let centre = vec![0.001_f32; fixture.network.parameter_count()];
    let mut order = fixture.order(1);
    order.basis.ball.centre = Some(&centre);
    order.basis.declarations = public_centre();
    let failing = failing(1e-6);
    order.method = with_theorem();
    order.candidates = vec![newton_bound(failing), ball_bound()];
    order.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    order.basis.accept_noise = true;
    let folder = fixture.release(order).unwrap().folder;
    decoded(&std::fs::read(folder.join("certificate.json")).unwrap())
}

/// A certificate as these tests edit it: with the statement's subject and the envelope's signature.
fn decoded(document: &[u8]) -> Value {
    let envelope: Value = serde_json::from_slice(document).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
    let statement: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    let mut certificate = statement["predicate"].clone();
    certificate["subject"] = statement["subject"].clone();
    certificate["signature"] = envelope["signatures"][0]["sig"].clone();
    certificate
}

/// The statement of such a certificate.
fn payload(certificate: &Value) -> Vec<u8> {
    let mut predicate = certificate.clone();
    let members = predicate.as_object_mut().unwrap();
    members.remove("signature");
    let subject = members.remove("subject");
    let mut statement = json!({"_type": STATEMENT_TYPE, "predicateType": PREDICATE_TYPE,
        "predicate": predicate});
    if let Some(subject) = subject {
        statement["subject"] = subject;
    }
    serde_json::to_vec(&statement).unwrap()
}

/// The file of such a certificate, byte for byte.
fn encoded(certificate: &Value) -> Vec<u8> {
    let envelope = json!({"payload": STANDARD.encode(payload(certificate)),
        "payloadType": PAYLOAD_TYPE, "signatures": [{
            "keyid": certificate["key"]["fingerprint"], "sig": certificate["signature"]}]});
    (serde_json::to_string_pretty(&envelope).unwrap() + "\n").into_bytes()
}

/// Certificates whose noise is within the method.
fn fine_tuned_ones(fixture: &Fixture) -> [Value; 2] {
    [(1, 5, 1), (2, 0, 0)].map(|(number, steps, epochs)| {
        fine_tuned(fixture, number, steps, epochs);
        let path = format!("releases/{number:06}/certificate.json");
        decoded(&std::fs::read(fixture.run().join(path)).unwrap())
    })
}

fn check(document: &Value) -> VerificationReport {
    check_with(document, &Evidence::default())
}

fn check_with(document: &Value, evidence: &Evidence) -> VerificationReport {
    verify(&encoded(document), evidence)
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
                let free =
                    pointer == "/method/settings" && ["curvature", "seed"].contains(&name.as_str());
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
        // Nor can whoever signs it add one, but where signing puts its own.
        forge(&mut document);
        let free = pointer == "/key";
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
    let signature = key.sign(&signed_bytes(&payload(document)));
    document["signature"] = json!(STANDARD.encode(signature.to_bytes()));
}

/// What somebody who signs with a key of their own may still say: facts that only the run knows.
const FREE: [&str; 27] = [
    "/declarations/0/by",
    "/model/configuration",
    "/model/ball/largest_centre",
    "/requests/0/commitment",
    "/requests/0/requested_on",
    "/requests/0/records",
    "/released_on",
    "/model/weights",
    "/model/description",
    "/model/ball/centre",
    "/model/ball/seed",
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
    "/code",
    "/bounds/0/constants",
    "/bounds/1/constants",
];

#[test]
fn a_forger_with_a_key_cannot_change_a_figure_that_follows_from_others() {
    let (caught, constants) = forgeries_caught(&released(&Fixture::new()), &[]);
    assert!(caught > 170 && constants > 30, "{caught} {constants}");
    // ... nor a setting that the bound of fine-tuning rests on.
    let [steps, once] = fine_tuned_ones(&Fixture::new());
    let (caught, constants) = forgeries_caught(&steps, &WITHIN);
    assert!(caught > 120 && constants > 20, "{caught} {constants}");
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
        let own = ["/key/", "/signature", "/subject"]
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

/// A bound that is small because its theorem is another method's.
#[test]
fn a_theorem_that_the_method_may_not_claim_is_refused() {
    let original = released(&Fixture::new());
    let how = |symbol: &str, value: f64| {
        json!({"symbol": symbol, "value": value,
            "provenance": {"kind": "proved"}, "how": "by the forger"})
    };
    let tiny = SensitivityBound::new(
        Theorem::StronglyConvex,
        [
            (Symbol::GradientNorm, 1e-8),
            (Symbol::GradientBound, 1e-8),
            (Symbol::Penalty, 0.1),
        ]
        .map(|(symbol, value)| constant(symbol, value, Provenance::Proved))
        .into(),
    );
    let tiny = tiny.unwrap();
    let sigma = analytic::calibrate(
        Epsilon::new(1.0).unwrap(),
        Delta::new(1e-5).unwrap(),
        tiny.value(),
    );
    let sigma = sigma.unwrap();
    let mut document = original.clone();
    let constants: Vec<Value> = tiny
        .constants()
        .iter()
        .map(|c| how(c.symbol().as_str(), c.value()))
        .collect();
    document["bounds"] = json!([{"theorem": "strongly_convex", "constants": constants,
        "value": tiny.value().value(), "kind": "proved", "failure_probability": 0.0,
        "excluded": null}]);
    document["declarations"] = json!([]);
    document["model"]["ball"]["seed"] = json!(1);
    document["guarantee"]["kind"] = json!("proved");
    document["guarantee"]["binding"] = json!("strongly_convex");
    document["guarantee"]["gdp"] = json!(Gdp::of_release(tiny.value(), sigma).unwrap().mu());
    document["noise"]["sigma"] = json!(sigma.value());
    let largest = document["noise"]["largest"].as_f64().unwrap();
    let grid = Grid::new(sigma, largest, ReleaseFormat::F32).unwrap();
    document["noise"]["grid"] = serde_json::to_value(grid).unwrap();
    let kept = [
        "reference",
        "settings_not_tuned",
        "records_made_alone",
        "copies",
        "later_releases",
        "choice_of_records",
        "private_state",
        "run_not_copied",
        "noise_generator",
        "floating_point",
        "gradient_rounding",
    ];
    let assumptions = document["assumptions"].as_array_mut().unwrap();
    assumptions.retain(|a| kept.contains(&a["name"].as_str().unwrap()));
    assumptions.push(json!({"name": "gradient_rounding", "constants": []}));
    for (method, settings, field) in [
        // A Newton step on a network claims the theorem of descent on a convex model.
        ("newton", json!({}), "/bounds/0/theorem"),
        // Or says it was a descent, which such a network does not have.
        (
            "descent",
            json!({"penalty": 0.1, "gradient_bound": 1e-8}),
            "/method/name",
        ),
        (
            "retrain",
            json!({"penalty": 0.1, "gradient_bound": 1e-8}),
            "/bounds/0/theorem",
        ),
        ("magic", json!({}), "/method/name"),
    ] {
        document["method"] = json!({"name": method, "settings": settings});
        forge(&mut document);
        let report = check(&document);
        let found: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
        assert!(found.contains(&field), "{method}: {report}");
        let all: Vec<Subject> = report.failures().map(|c| c.subject).collect();
        assert!(all.iter().all(|s| *s == Subject::Consistency), "{report}");
    }
    // Where theorem and method fit, the constants must be the settings.
    document["method"]["name"] = json!("descent");
    document["model"]["kind"] = json!("head");
    for (penalty, bound, holds) in [(0.1, 1e-8, true), (1.0, 1e-8, false), (0.1, 1e-7, false)] {
        document["method"]["settings"] = json!({"penalty": penalty, "gradient_bound": bound});
        forge(&mut document);
        let report = check(&document);
        assert_eq!(report.holds(), holds, "{report}");
        // Whoever named no key has not been told that it holds.
        assert_ne!(report.verdict(), Verdict::Holds);
    }
}

#[test]
fn a_centre_said_to_be_drawn_from_a_seed_is_drawn_again() {
    let fixture = Fixture::new();
    let centre = vec![0.001_f32; fixture.network.parameter_count()];
    let mut order = fixture.order(1);
    order.basis.ball.centre = Some(&centre);
    order.basis.declarations = public_centre();
    let folder = fixture.release(order).unwrap().folder;
    let mut forged = decoded(&std::fs::read(folder.join("certificate.json")).unwrap());
    forged["declarations"] = json!([]);
    let named = forged["assumptions"].as_array_mut().unwrap();
    named.retain(|assumption| assumption["name"] != "public_centre");
    forged["model"]["ball"]["seed"] = json!(42);
    forged["guarantee"]["kind"] = json!("proved");
    forged["bounds"][0]["kind"] = json!("proved");
    forge(&mut forged);
    let seed = |report: &VerificationReport| {
        let mut failures = report.failures();
        failures.any(|check| check.field == "/model/ball/seed")
    };
    // The certificate alone cannot tell, and says so; with the model beside it, it can.
    let beside = |folder: &std::path::Path| Evidence {
        beside: Some(folder.to_owned()),
        ..Evidence::default()
    };
    let empty = tempfile::tempdir().unwrap();
    let report = check_with(&forged, &beside(empty.path()));
    assert!(report.holds(), "{report}");
    assert!(
        report.to_string().contains("the seed of the centre"),
        "{report}"
    );
    let report = check_with(&forged, &beside(&folder));
    assert!(seed(&report), "{report}");
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
    let certificate = released(&Fixture::new());
    let original = String::from_utf8(encoded(&certificate)).unwrap();
    let verdict = |text: &str| verify(text.as_bytes(), &Evidence::default());
    assert!(verdict(&original).holds());
    let inside = |change: &dyn Fn(&str) -> String| {
        let payload = String::from_utf8(payload(&certificate)).unwrap();
        let changed = STANDARD.encode(change(&payload));
        original.replace(&STANDARD.encode(payload), &changed)
    };
    for refused in [
        original.replacen('{', "{\"payloadType\": \"x\",", 1),
        inside(&|payload| payload.replacen("\"release\":", "\"release\":9,\"release\":", 1)),
        inside(&|payload| payload.replace("in-toto.io/Statement", "in-toto.io/statement")),
        inside(&|payload| payload.replace(PREDICATE_TYPE, "urn:rescind:certificate:3")),
        original.replace(PAYLOAD_TYPE, "application/json"),
        original.replace("\"payload\": \"", "\"payload\": \"*"),
    ] {
        assert_ne!(refused, original);
        let report = verdict(&refused);
        assert!(
            !report.holds() && report.certificate().is_none(),
            "{report}"
        );
    }
    for broken in [
        "",
        "null",
        "[]",
        "{",
        "\u{feff}{}",
        &original[..original.len() - 3],
    ] {
        let report = verdict(broken);
        assert!(
            !report.holds() && report.certificate().is_none(),
            "{broken:.20}"
        );
    }
    let other = inside(&|p| p.replace("rescind-certificate-2", "rescind-certificate-3"));
    assert_eq!(verdict(&other).failures().next().unwrap().field, "/format");
}
