//! What the tests of runs share.
#![allow(dead_code)] // every test file uses its own part

use rescind::certificate::NoiseChoice;
use rescind::forgetting::{ForgetRequest, Method, ReleaseChoice};
use rescind::methods::newton::NewtonSettings;
use rescind::run::ModelChoice;
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, VerificationReport, verify};
use rescind::{Run, RunConfig};
use rescind_network::Weights;
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

pub fn newton(request: &str) -> ForgetRequest {
    ForgetRequest {
        request: request.parse().unwrap(),
        method: Method::Newton {
            settings: NewtonSettings::default(),
        },
        release: None,
    }
}

pub fn released(request: &str) -> ForgetRequest {
    let noise = NoiseChoice::Sigma {
        sigma: 1e-3,
        delta: 1e-5,
    };
    let release = Some(ReleaseChoice {
        noise,
        insecure_noise_seed: Some(1),
        budget: None,
    });
    ForgetRequest {
        release,
        ..newton(request)
    }
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

pub fn parameters(run: &Run, bytes: &[u8]) -> Vec<f32> {
    Weights::from_safetensors(run.network(), bytes)
        .unwrap()
        .parameters
}

/// Everything that can be checked of a release with records and private weights at hand.
pub fn checked(run: &Run, release: u64) -> VerificationReport {
    let path = format!("releases/{release:06}/certificate.json");
    let evidence = Evidence {
        fingerprint: None,
        run: Some(run.root().to_owned()),
        recomputed: Some(run.recompute(release).unwrap()),
    };
    verify(&fs::read(run.root().join(path)).unwrap(), &evidence)
}
