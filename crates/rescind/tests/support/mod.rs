//! A run with a small network, and orders for releases of it.
#![allow(dead_code)] // each test uses a part

use rescind::NetworkModel;
use rescind::certificate::{
    Certificate, DataFacts, InputScaling, MethodFacts, NoiseChoice, SolveFacts,
};
use rescind::release::{
    Ball, FineTuneOrder, PrivateWeights, ReleaseOrder, RequestFacts, Retained, fine_tune,
};
use rescind::training::{self, TrainingSettings};
use rescind_data::{DataSource, Dataset, Digest, Manifest, Selection, load};
use rescind_network::{Activation, Network, zoo};
use rescind_privacy::NoisyFineTuning;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;

pub const RADIUS: f64 = 20.0;

/// A folder with a manifest and a network: as much of a run as releases need.
pub struct Fixture {
    pub folder: TempDir,
    pub network: Network,
    pub manifest: Manifest,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(Activation::Tanh, zoo::Norm::None)
    }

    pub fn with(activation: Activation, norm: zoo::Norm) -> Self {
        let description = zoo::mlp(&[4], &[16, 16], 3, activation, norm).unwrap();
        let data = load(&DataSource::Digits).unwrap().train;
        let manifest = Manifest::new(&data, "digits").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let text = serde_json::to_vec_pretty(&manifest).unwrap();
        std::fs::write(folder.path().join("manifest.json"), text).unwrap();
        std::fs::write(folder.path().join("run.json"), r#"{"seed": 42}"#).unwrap();
        Self {
            folder,
            network: Network::new(description).unwrap(),
            manifest,
        }
    }

    pub fn run(&self) -> &Path {
        self.folder.path()
    }

    pub fn weights(&self) -> Vec<f32> {
        self.network.initialise(7)
    }

    pub fn request(&self, number: u64) -> RequestFacts {
        let first = 10 * number as usize;
        RequestFacts {
            number,
            requested_at: format!("2026-03-{number:02}T12:00:00Z"),
            records: self.manifest.records()[first..first + 10].to_vec(),
        }
    }

    /// σ = 0.01 at δ = 1e-5 on the ball's diameter.
    pub fn order(&self, number: u64) -> ReleaseOrder<'_> {
        ReleaseOrder {
            run: self.run(),
            state: state(number),
            network: &self.network,
            linearised: false,
            weights: PrivateWeights::new(self.weights()),
            ball: Ball {
                radius: RADIUS,
                centre: None,
                seed: None,
            },
            candidates: vec![ball_bound()],
            noise: NoiseChoice::Sigma {
                sigma: 0.01,
                delta: 1e-5,
            },
            insecure_noise_seed: None,
            statistics: None,
            budget: None,
            request: self.request(number),
            data: DataFacts {
                dataset: "digits".to_owned(),
                manifest: self.manifest.root(),
                records: 1440,
                retained: 1200 - 10 * number,
                validation: 100,
                input_scaling: InputScaling::Constants,
            },
            method: method(),
        }
    }
}

/// A certificate of fine-tuning with noise (σ = 0.01 at δ = 1e-5): `steps` noisy steps, then
/// `epochs` of recovery, on records that fit the fixture's network.
pub fn fine_tuned(fixture: &Fixture, number: u64, steps: u64, epochs: u64) -> Certificate {
    let labels: Vec<u32> = (0..90).map(|i| i % 3).collect();
    let inputs: Vec<f32> = (0..90 * 4).map(|i| (i as f32).sin()).collect();
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let data = Dataset::new("made up", vec![4], names, inputs, labels).unwrap();
    let records = Selection::new(90, (10..90).collect()).unwrap();
    let schedule = NoisyFineTuning {
        radius: 0.5,
        step_size: 0.1,
        clip_norm: 1.5,
        weight_decay: 0.25,
        noisy_steps: steps,
    };
    let recovery = TrainingSettings {
        epochs: epochs.max(1),
        ..TrainingSettings::default()
    };
    let ball = training::Ball::new(RADIUS, None).unwrap();
    let order = fixture.order(number);
    let mut facts = order.data.clone();
    facts.retained = 80;
    let (noised, _) = fine_tune(
        FineTuneOrder {
            run: order.run,
            network: order.network,
            weights: order.weights,
            ball: order.ball,
            schedule,
            retained: Retained {
                model: NetworkModel::new(&fixture.network),
                dataset: &data,
                records: &records,
                ball: &ball,
                minibatch: 16,
                seed: 3,
                penalty: 0.0,
                recovery: (epochs > 0).then_some(recovery),
            },
            noise: order.noise,
            insecure_noise_seed: None,
            statistics: None,
            budget: None,
            request: order.request,
            data: facts,
        },
        &mut (),
    )
    .unwrap();
    let mut settings = json!({"start_radius": 0.5, "recovery_epochs": epochs});
    if steps > 0 {
        settings = json!({"start_radius": 0.5, "recovery_epochs": epochs, "noisy_steps": steps,
            "step_size": 0.1, "clip_norm": 1.5, "weight_decay": 0.25, "minibatch": 16, "seed": 3});
    }
    let method = MethodFacts {
        name: "noisy-finetune".to_owned(),
        settings: settings.as_object().unwrap().clone(),
        gradient_norm_before: None,
        gradient_norm_after: None,
        solve: None,
        ..method()
    };
    noised.release(state(number), method).unwrap().certificate
}

/// The digest of the private state that belongs to a request.
pub fn state(number: u64) -> Digest {
    Digest::from([number as u8; 32])
}

pub fn method() -> MethodFacts {
    let settings = json!({"curvature": "gauss_newton", "damping": 0.001, "iterations": 60});
    MethodFacts {
        name: "newton".to_owned(),
        settings: settings.as_object().unwrap().clone(),
        training_finished: true,
        seconds: 1.25,
        gradient_norm_before: Some(0.186),
        gradient_norm_after: Some(0.19),
        solve: Some(SolveFacts {
            solver: "cg".to_owned(),
            ending: "converged".to_owned(),
            products: 60,
            residual: Some(0.0003),
            right_hand_side: 0.002,
            theorem_residual: Some(0.0004),
        }),
    }
}

pub fn constant(symbol: Symbol, value: f64, provenance: Provenance) -> Constant {
    Constant::new(symbol, value, provenance, "by the test").unwrap()
}

pub fn ball_bound() -> SensitivityBound {
    let radius = constant(Symbol::BallRadius, RADIUS, Provenance::Proved);
    SensitivityBound::new(Theorem::BallDiameter, vec![radius]).unwrap()
}

/// Small enough to beat the ball: λ_min = 100 with ρ = 2R, M = 0.1.
pub fn newton_bound(least: Provenance) -> SensitivityBound {
    let constants = vec![
        constant(Symbol::Distance, 2.0 * RADIUS, Provenance::Proved),
        constant(Symbol::HessianLipschitz, 0.1, Provenance::Assumed),
        constant(Symbol::Damping, 0.001, Provenance::Proved),
        constant(Symbol::GradientBound, 0.2, Provenance::Assumed),
        constant(Symbol::Residual, 0.0004, Provenance::Measured),
        constant(Symbol::LeastEigenvalue, 100.0, least),
    ];
    SensitivityBound::new(Theorem::NewtonStep, constants).unwrap()
}

/// ‖∇F‖ = 0.19 over μ = 100.
pub fn convex_bound(norm: f64, provenance: Provenance) -> SensitivityBound {
    let constants = vec![
        constant(Symbol::GradientNorm, norm, provenance),
        constant(Symbol::GradientBound, 0.0, Provenance::Proved),
        constant(Symbol::StrongConvexity, 100.0, Provenance::Proved),
    ];
    SensitivityBound::new(Theorem::StronglyConvex, constants).unwrap()
}
