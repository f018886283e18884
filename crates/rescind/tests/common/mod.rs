//! What the tests of runs share.
#![allow(dead_code)] // every test file uses its own part

use rescind::certificate::{Certificate, EvidenceRecord};
use rescind::methods::MethodChoice;
use rescind::methods::newton::NewtonSettings;
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, VerificationReport, verify};
use rescind::{ModelChoice, ReleaseChoice, Request, Run, RunConfig};
use rescind_network::{Network, Weights};
use rescind_privacy::NoiseChoice;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A run on the digits that trains in a blink.
pub fn small() -> RunConfig {
    RunConfig {
        model: ModelChoice::Logistic,
        training: TrainingSettings {
            epochs: 3,
            batch: 64,
            validation: 0.1,
            ..Default::default()
        },
        ..RunConfig::default()
    }
}

/// A request by a Newton step, without a release.
pub fn newton(request: &str) -> Request {
    newton_with(request, &NewtonSettings::default())
}

pub fn newton_with(request: &str, settings: &NewtonSettings) -> Request {
    let choice = MethodChoice::with("newton", settings).unwrap();
    Request::of(request.parse().unwrap()).by(choice)
}

/// The same with a release, whose noise hides nothing.
pub fn released(request: &str) -> Request {
    newton(request).released(weak())
}

pub fn weak() -> ReleaseChoice {
    let noise = NoiseChoice::Sigma {
        sigma: 1e-3,
        delta: 1e-5,
    };
    ReleaseChoice {
        insecure_noise_seed: Some(1),
        ..ReleaseChoice::new(noise)
    }
}

/// A release that promises ε at δ = 1e-5.
pub fn promise(epsilon: f64) -> ReleaseChoice {
    ReleaseChoice::new(NoiseChoice::Promise {
        epsilon,
        delta: 1e-5,
    })
}

/// The private weights of a run's newest state, as they lie on disk.
pub fn private_weights(root: &Path) -> Vec<u8> {
    let states = root.join("private").join("state");
    let names = fs::read_dir(&states)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let newest = names
        .filter_map(|name| name.into_string().ok())
        .max()
        .unwrap();
    fs::read(states.join(newest).join("weights.safetensors")).unwrap()
}

/// The network of a run.
pub fn network(run: &Run) -> &Network {
    run.classifier().unwrap().network()
}

pub fn parameters(run: &Run, bytes: &[u8]) -> Vec<f32> {
    Weights::from_safetensors(network(run), bytes)
        .unwrap()
        .parameters
}

/// Everything that can be checked of a release with records and private weights at hand.
pub fn checked(run: &Run, release: u64) -> VerificationReport {
    let path = format!("releases/{release:06}/certificate.json");
    let evidence = Evidence {
        run: Some(run.root().to_owned()),
        recomputed: Some(run.recompute(release).unwrap()),
        ..Evidence::default()
    };
    verify(&fs::read(run.root().join(path)).unwrap(), &evidence)
}

/// What was measured for a release.
pub fn evidence(run: &Run, release: u64) -> EvidenceRecord {
    let path = format!("private/evidence/{release:06}.json");
    serde_json::from_slice(&fs::read(run.root().join(path)).unwrap()).unwrap()
}

/// A run, trained.
pub fn trained(root: &Path, config: RunConfig) -> Run {
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

/// The requests that a release is the first to cover.
pub fn numbers(certificate: &Certificate) -> Vec<u64> {
    let requests = certificate.requests.iter();
    requests.map(|request| request.number).collect()
}

/// Everything that a request may change: the run's records, ledger, weights and files.
pub fn standing(run: &Run) -> (usize, u64, Vec<u8>, BTreeSet<String>) {
    let releases = std::fs::read_dir(run.root().join("releases"));
    let releases = releases.into_iter().flatten();
    let names = releases.map(|item| item.unwrap().file_name().into_string().unwrap());
    (
        run.retained().len(),
        run.ledger().history().head().entries,
        private_weights(run.root()),
        names.collect(),
    )
}

/// Puts a copy of a file or folder, with its modes, in place of another.
pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to).unwrap();
        for item in fs::read_dir(from).unwrap() {
            let item = item.unwrap();
            copy(&item.path(), &to.join(item.file_name()));
        }
        fs::set_permissions(to, from.metadata().unwrap().permissions()).unwrap();
    } else {
        fs::copy(from, to).unwrap();
    }
}
