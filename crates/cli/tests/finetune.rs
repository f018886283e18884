//! Noisy fine-tuning and output perturbation through the real binary.

mod common;

use common::{folder, json, run, status};
use serde_json::Value;

#[test]
fn noise_within_the_method_is_promised_and_verified() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 15 --batch 32");
    for (method, times, more) in [
        ("noisy-finetune", 7, "--steps 7 --clip 0.5 --decay 0.1"),
        ("output-perturbation", 1, "--recovery-epochs 6"),
    ] {
        let asked = format!("forget run --random 20 --method {method} --epsilon 1 {more}");
        let answer: Value = json(here, &asked);
        let release = &answer["release"];
        assert_eq!(answer["method"], method);
        assert_eq!(
            (&release["kind"], &release["noise_times"]),
            (&"proved".into(), &times.into())
        );
        assert_eq!(
            (&release["epsilon"], &release["recovered"]),
            (&1.0.into(), &true.into())
        );
        let explanation = answer["explanation"].as_str().unwrap();
        assert!(explanation.contains("freshly initialised"), "{explanation}");
        let certificate = format!("{}/certificate.json", release["folder"].as_str().unwrap());
        let verdict: Value = json(here, &format!("verify {certificate} --run run"));
        assert_eq!(verdict["verdict"], "holds");
    }
    for (wrong, expected, said) in [
        ("", 2, "made of noise"),
        ("--epsilon 1 --start-radius=-1", 2, "start radius"),
        ("--epsilon 1 --start-radius 21", 2, "run's ball"),
        ("--epsilon 1 --step-size 1 --decay 1", 2, "below 1"),
        (
            "--epsilon 1 --recovery-epochs 0 --start-radius 5",
            3,
            "recovery",
        ),
        ("--epsilon 1 --budget 0.5", 3, "budget"),
    ] {
        let asked = format!("forget run --random 20 --method noisy-finetune {wrong}");
        let output = run(here, &asked);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{wrong}: {error}");
        assert!(error.contains(said), "{wrong}: {error}");
    }
    let both = "forget run --random 20 --method noisy-finetune --epsilon 1 --sigma 1";
    assert_eq!(status(here, both), 2);
    let standing: Value = json(here, "status run");
    assert_eq!(standing["requests"].as_array().unwrap().len(), 2);
}

#[test]
fn a_plan_shows_every_method_and_changes_nothing() {
    let here = folder();
    let here = here.path();
    let _: Value = json(here, "train --out run --epochs 15 --batch 32");
    let plan: Value = json(here, "plan run --random 20 --epsilon 1");
    let methods = plan["methods"].as_array().unwrap();
    let names: Vec<&str> = methods
        .iter()
        .map(|m| m["method"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["newton", "noisy-finetune", "output-perturbation", "retrain"]
    );
    // What is planned is what a request then gets.
    let asked = "forget run --random 20 --method noisy-finetune --epsilon 1";
    let answer: Value = json(here, asked);
    assert_eq!(answer["release"]["sigma"], methods[1]["sigma"]);
    assert_eq!(answer["request"], 1);
    assert!(methods[0]["refused"].is_string());
    assert_eq!(status(here, "forget run --random 20 --epsilon 1"), 3);
    let told = run(here, "plan run --class 3 --epsilon 1e9");
    let told = String::from_utf8(told.stdout).unwrap();
    for part in ["newton", "retrain", "Recommended: "] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(status(here, "plan run --random 20"), 2);
    assert_eq!(status(here, "plan nowhere --random 20 --epsilon 1"), 1);
}
