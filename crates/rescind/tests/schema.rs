//! The published schema and the documents agree.

mod support;

use rescind::certificate::{AssumptionName, NoiseChoice};
use rescind::release::release;
use rescind_network::{Activation, zoo};
use rescind_privacy::sensitivity::Provenance;
use serde_json::{Value, json};
use support::*;

fn schema() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/certificate.schema.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn validator() -> jsonschema::Validator {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn document(order: rescind::release::ReleaseOrder<'_>) -> Value {
    serde_json::to_value(release(order).unwrap().certificate).unwrap()
}

/// Certificates with every optional part, present and absent.
fn documents() -> Vec<Value> {
    let smooth = Fixture::new();
    let mut full = smooth.order(1);
    let centre = vec![0.001_f32; smooth.network.parameter_count()];
    full.ball.centre = Some(&centre);
    let failing = Provenance::Probabilistic {
        failure_probability: 1e-6,
    };
    full.candidates = vec![
        newton_bound(failing),
        ball_bound(),
        convex_bound(0.19, Provenance::Measured),
    ];
    full.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
        accept_noise: true,
    };
    let full = document(full);
    let mut bare = smooth.order(2);
    bare.method.solve = None;
    bare.method.settings.clear();
    bare.insecure_noise_seed = Some(3);
    let bare = document(bare);

    let rough = Fixture::with(Activation::Relu, zoo::Norm::Batch);
    let count = rough.network.statistic_count();
    let mut statistics = |_: &[f32]| Ok(vec![1.0; count]);
    let mut excluded = rough.order(1);
    excluded.statistics = Some(&mut statistics);
    excluded.candidates = vec![newton_bound(Provenance::Estimated), ball_bound()];
    let excluded = document(excluded);
    let tuned = [(3, 5, 1), (4, 5, 0), (5, 0, 1)].map(|(number, steps, epochs)| {
        serde_json::to_value(fine_tuned(&smooth, number, steps, epochs)).unwrap()
    });
    let mut all = vec![full, bare, excluded];
    all.extend(tuned);
    all
}

#[test]
fn every_certificate_satisfies_the_schema() {
    let validator = validator();
    for document in documents() {
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

/// Pointers of all objects whose members the schema fixes.
fn objects(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(_) if pointer == "/checksums" || pointer == "/method/settings" => {}
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
    let validator = validator();
    for document in documents() {
        let mut pointers = Vec::new();
        objects(&document, String::new(), &mut pointers);
        assert!(pointers.len() > 20);
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
    }
}

#[test]
fn the_schema_knows_every_assumption() {
    let schema = schema();
    let known = schema["properties"]["assumptions"]["items"]["properties"]["name"]["enum"].clone();
    for name in known.as_array().unwrap() {
        serde_json::from_value::<AssumptionName>(name.clone()).unwrap();
    }
    let error = serde_json::from_value::<AssumptionName>(json!("zzz"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        known.as_array().unwrap().len(),
        error.matches('`').count() / 2 - 1,
        "{error}"
    );
}
