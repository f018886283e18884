//! The published schema and the documents agree.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use rescind::certificate::AssumptionName;
use rescind::release::ReleaseOrder;
use rescind_network::{Activation, zoo};
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{GuaranteeKind, Provenance, Symbol, Theorem};
use serde_json::{Value, json};
use support::*;

fn schema(name: &str) -> Value {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    serde_json::from_slice(&std::fs::read(format!("{docs}/{name}.schema.json")).unwrap()).unwrap()
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = schema(name);
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Certificates and the evidence of their releases, with the schema of each.
fn all() -> [(&'static str, Vec<Value>); 2] {
    let fixtures = [
        Fixture::new(),
        Fixture::with(Activation::Relu, zoo::Norm::Batch),
    ];
    let certificates = documents(&fixtures);
    let mut evidence = Vec::new();
    for fixture in &fixtures {
        for item in std::fs::read_dir(fixture.run().join("private/evidence")).unwrap() {
            let text = std::fs::read(item.unwrap().path()).unwrap();
            evidence.push(serde_json::from_slice(&text).unwrap());
        }
    }
    [("certificate", certificates), ("evidence", evidence)]
}

fn document(fixture: &Fixture, order: ReleaseOrder<'_>) -> Value {
    serde_json::to_value(fixture.release(order).unwrap().certificate).unwrap()
}

/// Certificates with every optional part, present and absent.
fn documents([smooth, rough]: &[Fixture; 2]) -> Vec<Value> {
    let mut full = smooth.order(1);
    let centre = vec![0.001_f32; smooth.network.parameter_count()];
    full.basis.ball.centre = Some(&centre);
    full.basis.declarations = public_centre();
    let failing = failing(1e-6);
    full.method = with_theorem();
    full.candidates = vec![newton_bound(failing), ball_bound()];
    full.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    full.basis.accept_noise = true;
    let full = document(smooth, full);
    let mut bare = smooth.order(2);
    bare.method.facts.settings.clear();
    bare.basis.insecure_noise_seed = Some(3);
    let bare = document(smooth, bare);
    let count = rough.network.statistic_count();
    let mut statistics = |_: &[f32]| Ok(vec![1.0; count]);
    let mut excluded = rough.order(1);
    excluded.basis.statistics = Some(&mut statistics);
    excluded.method = with_theorem();
    excluded.candidates = vec![newton_bound(Provenance::Estimated), ball_bound()];
    let excluded = document(rough, excluded);
    let tuned = [(3, 5, 1), (4, 5, 0), (5, 0, 1)].map(|(number, steps, epochs)| {
        serde_json::to_value(fine_tuned(smooth, number, steps, epochs)).unwrap()
    });
    let mut all = vec![full, bare, excluded];
    all.extend(tuned);
    all
}

#[test]
fn every_document_satisfies_its_schema() {
    for (name, documents) in all() {
        let validator = validator(name);
        assert!(documents.len() > 4, "{name}");
        for document in documents {
            let errors: Vec<String> = validator
                .iter_errors(&document)
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}");
        }
    }
}

/// Pointers of all objects whose members the schema fixes.
fn objects(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(_) if ["/method/settings", "/measured/details"].contains(&&*pointer) => {}
        Value::Object(members) => {
            all.push(pointer.clone());
            for (name, value) in members {
                objects(value, format!("{pointer}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, format!("{pointer}/{index}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schema_asks_for_every_field_and_no_other() {
    let every = all().into_iter().flat_map(|(name, documents)| {
        let documents = documents.into_iter();
        documents.map(move |document| (name, document))
    });
    for (name, document) in every {
        let validator = validator(name);
        let mut pointers = Vec::new();
        objects(&document, String::new(), &mut pointers);
        assert!(pointers.len() > 4, "{}", pointers.len());
        for pointer in pointers {
            let members = document
                .pointer(&pointer)
                .unwrap()
                .as_object()
                .unwrap()
                .clone();
            for name in members.keys() {
                let mut less = document.clone();
                less.pointer_mut(&pointer)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .remove(name);
                assert!(
                    !validator.is_valid(&less),
                    "{pointer} without {name} is valid"
                );
                if name == "details" {
                    continue; // the method's own
                }
                let mut wrong = document.clone();
                wrong.pointer_mut(&pointer).unwrap()[name] = json!([[]]);
                assert!(
                    !validator.is_valid(&wrong),
                    "{pointer}/{name} may be a list of lists"
                );
            }
            let mut more = document.clone();
            more.pointer_mut(&pointer).unwrap()["zzz"] = json!(0);
            assert!(
                !validator.is_valid(&more),
                "{pointer} with a field of its own is valid"
            );
        }
        if document.pointer("/method/settings").is_some() {
            let mut more = document.clone();
            more["method"]["settings"]["note"] = json!("no person was forgotten");
            assert!(!validator.is_valid(&more), "a setting that no method has");
            for (name, value) in [("seed", json!(-1)), ("seed", json!(0.5))] {
                let mut wrong = document.clone();
                wrong["method"]["settings"][name] = value;
                assert!(!validator.is_valid(&wrong), "{wrong}");
            }
        }
    }
}

/// What the schema lists at a pointer is what the type knows, no more and no less.
fn lists(pointer: &str, read: &dyn Fn(Value) -> Result<(), serde_json::Error>) {
    let schema = schema("certificate");
    let known = schema.pointer(pointer).unwrap().as_array().unwrap();
    for name in known {
        read(name.clone()).unwrap_or_else(|error| panic!("{pointer}: {error}"));
    }
    // The error names all that it would have read, and what it found.
    let error = read(json!("zzz")).unwrap_err().to_string();
    let named = error.matches('`').count() / 2 - 1;
    assert_eq!(known.len(), named, "{pointer}: {error}");
}

#[test]
fn the_schema_knows_every_theorem_symbol_kind_and_origin() {
    let theorem = |name| serde_json::from_value::<Theorem>(name).map(drop);
    let kind = |name| serde_json::from_value::<GuaranteeKind>(name).map(drop);
    lists("/$defs/bound/properties/theorem/enum", &theorem);
    lists("/$defs/guarantee/properties/binding/enum", &theorem);
    lists("/$defs/bound/properties/kind/enum", &kind);
    lists("/$defs/guarantee/properties/kind/enum", &kind);
    lists("/$defs/assumption/properties/name/enum", &|name| {
        serde_json::from_value::<AssumptionName>(name).map(drop)
    });
    lists("/$defs/symbol/enum", &|name| {
        serde_json::from_value::<Symbol>(name).map(drop)
    });
    lists("/$defs/noise/properties/origin/enum", &|name| {
        serde_json::from_value::<Origin>(name).map(drop)
    });
}

/// Another program that checks a day by the schema alone refuses what this one does.
#[test]
fn the_schema_knows_the_days_there_are() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.method.facts.settings.clear();
    let mut certificate = document(&fixture, order);
    let validator = validator("certificate");
    for (day, is_one) in [
        ("2026-03-01", true),
        ("2024-02-29", true),
        ("2000-02-29", true),
        ("1970-01-01", true),
        ("2026-02-29", false),
        ("2100-02-29", false),
        ("2026-04-31", false),
        ("2026-13-01", false),
        ("2026-00-10", false),
        ("2026-01-00", false),
        ("1969-12-31", false),
        ("2026-01-01\n", false),
    ] {
        certificate["released_on"] = json!(day);
        assert_eq!(validator.is_valid(&certificate), is_one, "{day:?}");
        assert_eq!(
            rescind::certificate::Day::try_from(day.to_owned()).is_ok(),
            is_one,
            "{day:?}"
        );
    }
}
