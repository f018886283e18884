//! What the tests ask for, and how they read the answers.

use crate::common::{parameters, small};
use rescind::certificate::Certificate;
use rescind::methods::noisy::{FinetuneReport, FinetuneSettings};
use rescind::methods::{MethodChoice, MethodReport};
use rescind::training::TrainingSettings;
use rescind::{Answer, ModelChoice, ReleaseChoice, Request, Run, RunConfig};
use rescind_privacy::NoiseChoice;
use std::path::Path;

pub fn trained(root: &Path, config: RunConfig) -> Run {
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

/// The digits with an MLP of width 32, trained for a blink.
pub fn mlp() -> RunConfig {
    let training = TrainingSettings {
        batch: 32,
        ..small().training
    };
    RunConfig {
        model: ModelChoice::default(),
        training,
        ..small()
    }
}

pub const PROMISE: NoiseChoice = NoiseChoice::Promise {
    epsilon: 1.0,
    delta: 1e-5,
};

pub fn sigma(sigma: f64) -> NoiseChoice {
    NoiseChoice::Sigma { sigma, delta: 1e-5 }
}

pub fn asked(
    request: &str,
    settings: FinetuneSettings,
    noise: NoiseChoice,
    seed: Option<u64>,
) -> Request {
    let release = ReleaseChoice {
        insecure_noise_seed: seed,
        ..ReleaseChoice::new(noise)
    };
    let method = MethodChoice::with("noisy-finetune", &settings).unwrap();
    Request::of(request.parse().unwrap())
        .by(method)
        .released(release)
}

pub fn once(mut request: Request) -> Request {
    if let Some(method) = &mut request.method {
        method.name = "output-perturbation".to_owned();
    }
    request
}

pub fn report(method: &MethodReport) -> FinetuneReport {
    assert!(["noisy-finetune", "output-perturbation"].contains(&method.method.as_str()));
    method.details().unwrap()
}

pub fn certificate(answer: &Answer) -> &Certificate {
    &answer.release.as_ref().unwrap().certificate
}

/// The released parameters, as anybody reads them.
pub fn released(run: &Run, answer: &Answer) -> Vec<f32> {
    let folder = &answer.release.as_ref().unwrap().folder;
    let bytes = std::fs::read(folder.join("weights.safetensors")).unwrap();
    parameters(run, &bytes)
}
