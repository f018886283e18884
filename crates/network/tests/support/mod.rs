//! What the tests of derivatives share: random vectors and finite differences.
#![allow(dead_code)] // each test binary uses its own part

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_network::{Batch, Evaluator};

pub fn random(seed: u64, len: usize) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..len)
        .map(|_| generator.random_range(-1.0..1.0))
        .collect()
}

pub fn labels(seed: u64, records: usize, classes: usize) -> Vec<u32> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..records)
        .map(|_| generator.random_range(0..classes as u32))
        .collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `‖a − b‖ / ‖b‖`, absolute when `b` vanishes.
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&difference) / norm(b).max(1e-9)
}

pub fn along(w: &[f64], t: f64, v: &[f64]) -> Vec<f64> {
    w.iter().zip(v).map(|(w, v)| w + t * v).collect()
}

/// A random direction of length 1: a step along it is small whatever the dimension.
pub fn direction(seed: u64, len: usize) -> Vec<f64> {
    let v = random(seed, len);
    let length = norm(&v);
    v.into_iter().map(|x| x / length).collect()
}

/// Derivative of `f` at 0 by central differences with one Richardson step: error O(h⁴).
pub fn derivative(h: f64, f: impl Fn(f64) -> Vec<f64>) -> Vec<f64> {
    let central = |h: f64| -> Vec<f64> {
        f(h).iter()
            .zip(f(-h))
            .map(|(a, b)| (a - b) / (2.0 * h))
            .collect()
    };
    central(h / 2.0)
        .iter()
        .zip(central(h))
        .map(|(fine, coarse)| (4.0 * fine - coarse) / 3.0)
        .collect()
}

/// Errors of gradient, JVP, VJP, HVP and GGN against finite differences along random directions.
pub fn derivative_errors(
    evaluator: &Evaluator<'_, f64>,
    w: &[f64],
    batch: Batch<'_, f64>,
    step: f64,
) -> [(&'static str, f64); 5] {
    let d = w.len();
    let v = direction(91, d);
    let linearization = evaluator.linearize(w, batch).unwrap();

    let slope = derivative(step, |t| {
        vec![evaluator.loss(&along(w, t, &v), batch).unwrap()]
    });
    let gradient = (dot(linearization.gradient(), &v) - slope[0]).abs() / slope[0].abs().max(1e-9);

    let jv = derivative(step, |t| {
        evaluator.logits(&along(w, t, &v), batch.inputs).unwrap()
    });
    let jvp = relative_error(&linearization.jvp(&v).unwrap(), &jv);

    let u = random(92, jv.len());
    let mut jtu = vec![0.0; d];
    linearization.vjp(&u, &mut jtu).unwrap();
    let vjp = (dot(&jtu, &v) - dot(&u, &jv)).abs() / dot(&u, &jv).abs().max(1e-9);

    let gradient_at = |t: f64| {
        let mut g = vec![0.0; d];
        evaluator.gradient(&along(w, t, &v), batch, &mut g).unwrap();
        g
    };
    let mut hv = vec![0.0; d];
    linearization.hvp(&v, &mut hv).unwrap();
    let hvp = relative_error(&hv, &derivative(step, gradient_at));

    // aᵀ GGN v = (J a)ᵀ ∂²ℓ (J v) with J by differences and ∂²ℓ written out here.
    let a = direction(93, d);
    let ja = derivative(step, |t| {
        evaluator.logits(&along(w, t, &a), batch.inputs).unwrap()
    });
    let logits = evaluator.logits(w, batch.inputs).unwrap();
    let outputs = evaluator.network().outputs();
    let mut expected = 0.0;
    for ((z, ja), jv) in logits
        .chunks(outputs)
        .zip(ja.chunks(outputs))
        .zip(jv.chunks(outputs))
    {
        let sum: f64 = z.iter().map(|z| z.exp()).sum();
        let p: Vec<f64> = z.iter().map(|z| z.exp() / sum).collect();
        let weighted: Vec<f64> = (0..outputs).map(|i| p[i] * (jv[i] - dot(&p, jv))).collect();
        expected += dot(ja, &weighted);
    }
    expected /= linearization.records() as f64;
    let mut gv = vec![0.0; d];
    linearization.ggn(&v, &mut gv).unwrap();
    let ggn = (dot(&a, &gv) - expected).abs() / expected.abs().max(1e-9);

    [
        ("gradient", gradient),
        ("jvp", jvp),
        ("vjp", vjp),
        ("hvp", hvp),
        ("ggn", ggn),
    ]
}
