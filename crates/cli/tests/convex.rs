//! Tangent models and convex heads through the real binary.

mod common;

use common::{folder, json, run, status};
use serde_json::Value;
use std::fs;

#[test]
fn a_tangent_model_forgets_with_a_proved_promise() {
    let here = folder();
    let here = here.path();
    let trained: Value = json(here, "train --tangent --hidden 8 --mu 1e-3 --out run");
    assert_eq!(trained["finished"], true);
    let asked = "forget run --method tangent --random 20 --epsilon 1 --delta 1e-5";
    let answer: Value = json(here, asked);
    let release = &answer["release"];
    assert_eq!(
        (&release["kind"], &answer["method"]),
        (&"proved".into(), &"descent".into())
    );
    let certificate = format!("{}/certificate.json", release["folder"].as_str().unwrap());
    let verdict: Value = json(here, &format!("verify {certificate} --run run"));
    assert_eq!(verdict["verdict"], "holds");
    let _: Value = json(here, "retrain run");
    let models: Value = json(here, "evaluate run");
    let accuracy = |model: &str| models[model]["test"]["accuracy"].as_f64().unwrap();
    assert!((accuracy("released") - accuracy("retrained")).abs() < 0.01);
    assert!(accuracy("retrained") > 0.8);
}

#[test]
fn a_convex_head_stands_on_public_weights_alone() {
    let here = folder();
    let here = here.path();
    // A backbone that never saw the records: the centre that a tangent run draws.
    let _: Value = json(here, "train --tangent --hidden 48 --mu 1e-3 --out drawn");
    fs::copy(here.join("drawn/centre.safetensors"), here.join("public")).unwrap();
    let train = "train --head --backbone public --hidden 48 --mu 1e-3";
    assert_eq!(status(here, &format!("{train} --out refused")), 3);
    let _: Value = json(here, &format!("{train} --declared-by Smith --out run"));
    let asked = "forget run --method head --random 20 --epsilon 1";
    let answer: Value = json(here, asked);
    assert_eq!(
        (&answer["release"]["kind"], &answer["method"]),
        (&"declared".into(), &"descent".into())
    );
    // It is what such a run is asked for where nothing is said.
    let usual: Value = json(here, "forget run --random 5");
    assert_eq!(usual["method"], "descent");
    assert_eq!(status(here, "forget run --method newton --random 5"), 3);
}

#[test]
fn what_would_prove_nothing_is_refused_with_status_3() {
    let here = folder();
    let here = here.path();
    for (arguments, why) in [
        ("--tangent --mu 0", "penalty is 0"),
        ("--tangent --norm batch", "batch norm"),
    ] {
        let output = run(here, &format!("train {arguments} --out none"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let _: Value = json(here, "train --out run --epochs 1");
    let output = run(here, "forget run --method tangent --random 5 --epsilon 1");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not convex"));
}
