//! What the tests ask for, and how they read the answers.

use crate::common::{parameters, small};
use rescind::certificate::{Certificate, NoiseChoice};
use rescind::forgetting::{ForgetRequest, Forgotten, Method, MethodReport, ReleaseChoice};
use rescind::methods::finetune::{FinetuneReport, FinetuneSettings};
use rescind::run::ModelChoice;
use rescind::training::TrainingSettings;
use rescind::{Run, RunConfig};
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
    accept_noise: false,
};

pub fn sigma(sigma: f64) -> NoiseChoice {
    NoiseChoice::Sigma { sigma, delta: 1e-5 }
}

pub fn asked(
    request: &str,
    settings: FinetuneSettings,
    noise: NoiseChoice,
    seed: Option<u64>,
) -> ForgetRequest {
    let release = Some(ReleaseChoice {
        noise,
        insecure_noise_seed: seed,
        budget: None,
    });
    ForgetRequest {
        request: request.parse().unwrap(),
        method: Method::NoisyFinetune { settings },
        release,
    }
}

pub fn once(mut request: ForgetRequest) -> ForgetRequest {
    if let Method::NoisyFinetune { settings } = request.method {
        request.method = Method::OutputPerturbation { settings };
    }
    request
}

pub fn report(method: &MethodReport) -> &FinetuneReport {
    match method {
        MethodReport::NoisyFinetune { report } | MethodReport::OutputPerturbation { report } => {
            report
        }
        other => panic!("{other:?}"),
    }
}

pub fn certificate(answer: &Forgotten) -> &Certificate {
    &answer.release.as_ref().unwrap().certificate
}

/// The released parameters, as anybody reads them.
pub fn released(run: &Run, answer: &Forgotten) -> Vec<f32> {
    let folder = &answer.release.as_ref().unwrap().folder;
    let bytes = std::fs::read(folder.join("weights.safetensors")).unwrap();
    parameters(run, &bytes)
}
