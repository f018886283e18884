//! The noise as it is in the released file.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use rescind::certificate::EvidenceRecord;
use rescind_network::{Activation, Network, Weights, zoo};
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::Grid;
use std::path::Path;
use support::*;

const SIGMA: f64 = 0.01;

fn file(network: &Network, folder: &Path) -> Vec<f32> {
    let bytes = std::fs::read(folder.join("weights.safetensors")).unwrap();
    Weights::<f32>::from_safetensors(network, &bytes)
        .unwrap()
        .parameters
}

/// A wider network, so that statistics say something.
fn wide() -> Fixture {
    let description = zoo::mlp(&[64], &[200, 100], 10, Activation::Tanh, zoo::Norm::None).unwrap();
    Fixture::of(Network::new(description).unwrap())
}

/// What two releases of the same private weights added to them, in units of σ.
fn noises(fixture: &Fixture) -> [Vec<f64>; 2] {
    [1, 2].map(|number| {
        let mut order = fixture.order(number);
        order.basis.noise = NoiseChoice::Sigma {
            sigma: SIGMA,
            delta: 1e-5,
        };
        let folder = fixture.release(order).unwrap().folder;
        let released = file(&fixture.network, &folder);
        let pairs = released.iter().zip(fixture.weights());
        pairs
            .map(|(noised, private)| (f64::from(*noised) - f64::from(private)) / SIGMA)
            .collect()
    })
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Each bound below is six standard errors wide: a correct sampler exceeds it once in 5e8 runs.
#[test]
fn the_file_holds_independent_gaussian_noise_on_every_parameter() {
    let fixture = wide();
    let network = &fixture.network;
    let [first, second] = noises(&fixture);
    let d = first.len() as f64;
    for noise in [&first, &second] {
        assert_eq!(noise.len(), network.parameter_count());
        // no parameter left out: exact zeros are as rare as the grid is fine (2⁻¹⁷ σ or so)
        let untouched = noise.iter().filter(|v| v.abs() < 1e-5).count();
        assert!(
            untouched <= 6,
            "{untouched} of {d} parameters are as they were"
        );
        assert!(mean(noise.iter().copied()).abs() < 6.0 / d.sqrt());
        let variance = mean(noise.iter().map(|v| v * v));
        assert!(
            (variance - 1.0).abs() < 6.0 * (2.0 / d).sqrt(),
            "variance {variance}"
        );
        let kurtosis = mean(noise.iter().map(|v| v.powi(4)));
        assert!(
            (kurtosis - 3.0).abs() < 6.0 * (96.0 / d).sqrt(),
            "kurtosis {kurtosis}"
        );
        // neighbouring parameters, and parameters far apart
        for lag in [1, 2, 64, 200, 4097] {
            let pairs = noise.iter().zip(&noise[lag..]).map(|(a, b)| a * b);
            let covariance = pairs.sum::<f64>() / d;
            assert!(covariance.abs() < 6.0 / d.sqrt(), "lag {lag}: {covariance}");
        }
        // every tensor, biases too
        for tensor in network.parameters() {
            let part = &noise[tensor.range.clone()];
            let n = part.len() as f64;
            let variance = mean(part.iter().map(|v| v * v));
            let (low, high) = (
                1.0 - 6.0 * (2.0 / n).sqrt(),
                1.0 + 8.0 * (2.0 / n).sqrt() + 30.0 / n,
            );
            assert!(
                variance > low.max(0.05) && variance < high,
                "{}: {variance}",
                tensor.name
            );
        }
    }
    let across = first.iter().zip(&second).map(|(a, b)| a * b).sum::<f64>() / d;
    assert!(
        across.abs() < 6.0 / d.sqrt(),
        "two releases share noise: {across}"
    );
}

#[test]
fn the_file_lies_on_the_grid_and_is_what_was_returned() {
    let fixture = wide();
    let released = fixture.release(fixture.order(1)).unwrap();
    let parameters = file(&fixture.network, &released.folder);
    assert_eq!(parameters, released.weights.parameters());
    let noise = &released.certificate.noise;
    let grid: Grid = noise.grid;
    assert!(grid.spacing() < noise.sigma.value() / 1000.0);
    for value in &parameters {
        let value = f64::from(*value);
        assert!((value / grid.spacing()).fract().abs() <= 0.0 && value.abs() <= grid.limit());
    }
    // The private weights were not on it.
    let off = fixture
        .weights()
        .iter()
        .filter(|w| (f64::from(**w) / grid.spacing()).fract().abs() > 0.0)
        .count();
    assert!(off > parameters.len() / 10, "{off}");
    let evidence = std::fs::read(fixture.run().join("private/evidence/000001.json")).unwrap();
    let evidence: EvidenceRecord = serde_json::from_slice(&evidence).unwrap();
    assert_eq!(evidence.clamped, 0);
}

#[test]
fn noise_is_never_used_twice() {
    let (one, other) = (wide(), wide());
    let read = |fixture: &Fixture| {
        let folder = fixture.release(fixture.order(1)).unwrap().folder;
        file(&fixture.network, &folder)
    };
    let (one, other) = (read(&one), read(&other));
    let same = one
        .iter()
        .zip(&other)
        .filter(|(a, b)| a.to_bits() == b.to_bits())
        .count();
    assert!(
        same < 12,
        "{same} of {} released numbers agree between two runs",
        one.len()
    );
}
