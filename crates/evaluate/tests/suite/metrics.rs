//! Every metric against scikit-learn and SciPy: see fixtures/metrics.py.

use rescind_evaluate::attack::{Estimate, Performance, likelihood_ratios, roc};
use rescind_evaluate::fidelity::{Outputs, OutputsError, Scores, agreement, divergence};
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Fixture {
    outputs: OutputsCase,
    attack: AttackCase,
    shares: Vec<(u64, u64, f64, f64)>,
    likelihoods: LikelihoodCase,
}

#[derive(Deserialize)]
struct OutputsCase {
    classes: usize,
    labels: Vec<u32>,
    logits: Vec<f32>,
    other: Vec<f32>,
    loss: f64,
    accuracy: f64,
    micro_f1: f64,
    divergence: f64,
    agreement: f64,
    scaled_confidences: Vec<f64>,
}

#[derive(Deserialize)]
struct AttackCase {
    members: Vec<f64>,
    others: Vec<f64>,
    threshold: f64,
    accuracy: (u64, u64, f64, f64),
    auc: [f64; 3],
    found_at_1_percent: f64,
    found_at_0_1_percent: f64,
}

#[derive(Deserialize)]
struct LikelihoodCase {
    forgot: Vec<Vec<f64>>,
    never: Vec<Vec<f64>>,
    observed: Vec<f64>,
    ratios: Vec<f64>,
}

fn fixture() -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} {expected}");
}

#[test]
fn scores_are_scikit_learns() {
    let case = fixture().outputs;
    let outputs = Outputs::new(case.classes, case.logits, case.labels.clone()).unwrap();
    let scores = Scores::of(&outputs);
    assert_eq!(scores.records, case.labels.len());
    near(scores.loss, case.loss, 1e-12);
    near(scores.accuracy, case.accuracy, 1e-12);
    near(scores.micro_f1, case.micro_f1, 1e-12);
    for (found, expected) in outputs
        .scaled_confidences()
        .iter()
        .zip(&case.scaled_confidences)
    {
        near(*found, *expected, 1e-9);
    }
}

#[test]
fn likeness_is_scipys() {
    let case = fixture().outputs;
    let a = Outputs::new(case.classes, case.logits, case.labels.clone()).unwrap();
    let b = Outputs::new(case.classes, case.other, case.labels).unwrap();
    near(divergence(&a, &b).unwrap(), case.divergence, 1e-12);
    near(agreement(&a, &b).unwrap(), case.agreement, 1e-12);
    near(divergence(&a, &a).unwrap(), 0.0, 0.0);
    // Two models that are certain of different classes are ln 2 apart, and nothing overflows.
    let sure = |logits| Outputs::new(2, logits, vec![0]).unwrap();
    let apart = divergence(&sure(vec![1e4, -1e4]), &sure(vec![-1e4, 1e4])).unwrap();
    near(apart, std::f64::consts::LN_2, 1e-15);
    // Other records, or none, cannot be compared.
    assert_eq!(divergence(&a, &a.at(&[0, 1])), None);
    assert_eq!(agreement(&a.at(&[]), &b.at(&[])), None);
}

#[test]
fn what_is_no_output_is_refused() {
    let length = Outputs::new(3, vec![0.0; 5], vec![0, 1]).unwrap_err();
    assert!(matches!(
        length,
        OutputsError::Length {
            logits: 5,
            labels: 2,
            classes: 3
        }
    ));
    assert!(Outputs::new(0, vec![], vec![]).is_err());
    let label = Outputs::new(2, vec![0.0; 4], vec![0, 2]).unwrap_err();
    assert!(matches!(label, OutputsError::Value { record: 1, .. }));
    assert!(Outputs::new(2, vec![0.0, f32::NAN], vec![0]).is_err());
    let none = Scores::of(&Outputs::new(2, vec![], vec![]).unwrap());
    assert!(none.records == 0 && none.loss.abs() + none.accuracy + none.micro_f1 <= 0.0);
}

#[test]
fn performance_is_scikit_learns() {
    let case = fixture().attack;
    let found = Performance::of(&case.members, &case.others, case.threshold);
    let (right, all, low, high) = case.accuracy;
    near(found.accuracy.value, right as f64 / all as f64, 1e-12);
    near(found.accuracy.low, low, 1e-9);
    near(found.accuracy.high, high, 1e-9);
    let [area, low, high] = case.auc;
    near(found.auc.value, area, 1e-12);
    near(found.auc.low, low, 1e-9);
    near(found.auc.high, high, 1e-9);
    near(
        found.found_at_1_percent.value,
        case.found_at_1_percent,
        1e-12,
    );
    near(
        found.found_at_0_1_percent.value,
        case.found_at_0_1_percent,
        1e-12,
    );
    let curve = roc(&case.members, &case.others);
    assert_eq!((curve[0], curve[curve.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
}

#[test]
fn intervals_are_exact() {
    for (successes, trials, low, high) in fixture().shares {
        let found = Estimate::share(successes, trials);
        near(found.low, low, 1e-9);
        near(found.high, high, 1e-9);
    }
    let none = Estimate::share(0, 0);
    assert_eq!((none.low, none.high), (0.0, 1.0));
}

#[test]
fn likelihood_ratios_are_scipys() {
    let case = fixture().likelihoods;
    let ratios = likelihood_ratios(&case.forgot, &case.never, &case.observed);
    for (found, expected) in ratios.iter().zip(&case.ratios) {
        near(*found, *expected, 1e-9);
    }
}
