//! A run with a small network, and orders for releases of it. Shared by the tests of several
//! crates.
#![allow(dead_code)] // each test uses a part

use rescind_certificate::{
    Certificate, DataFacts, Declaration, Declared, InputScaling, Measurements, MethodFacts,
    MethodReported, SolveFacts, digest_of,
};
use rescind_data::{DataSource, Dataset, Digest, HeldOut, Manifest, Selection, load, record_hash};
use rescind_network::{Activation, Network, Tensor as NetworkTensor, zoo};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use rescind_privacy::{NoiseChoice, NoisyFineTuning};
use rescind_run::ledger::{Ledger, PrivateRow, Recovered, recover};
use rescind_run::release::{
    Ball, Basis, FineTuneOrder, PrivateWeights, ReleaseError, ReleaseOrder, Released, RequestFacts,
    fine_tune, fresh_salt, record_request, release,
};
use rescind_run::{RunKey, RunSettings};
use rescind_unlearn::methods::noisy::Retained;
use rescind_unlearn::training::TrainingSettings;
use rescind_unlearn::{
    Failure, Model, ModelDescription, NetworkModel, NetworkObjective, Objective, Smoothness, Tensor,
};
use serde_json::json;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

pub const RADIUS: f64 = 20.0;

static RUN_JSON: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let settings = RunSettings::default();
    let run = json!({"format": 2, "centred": false, "centre_seed": null, "outside": settings});
    serde_json::to_vec(&run).unwrap()
});

/// A folder with a manifest, a ledger and a key, and a network: as much of a run as releases need.
pub struct Fixture {
    pub folder: TempDir,
    pub network: Network,
    pub model: ModelDescription,
    pub manifest: Manifest,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(Activation::Tanh, zoo::Norm::None)
    }

    pub fn with(activation: Activation, norm: zoo::Norm) -> Self {
        let description = zoo::mlp(&[4], &[16, 16], 3, activation, norm).unwrap();
        Self::of(Network::new(description).unwrap())
    }

    /// A network linearised at a centre, which orders must give.
    pub fn tangent() -> Self {
        let mut fixture = Self::new();
        fixture.model.linearised = true;
        fixture.model.kind = "tangent".to_owned();
        fixture
    }

    pub fn of(network: Network) -> Self {
        let data = load(&DataSource::Digits, None).unwrap().train;
        let manifest =
            Manifest::new(&data, "digits", Digest::from([1; 32]), HeldOut::NONE).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("private")).unwrap();
        let bytes = manifest.to_bytes().unwrap();
        std::fs::write(folder.path().join("private/manifest"), bytes).unwrap();
        std::fs::write(folder.path().join("run.json"), &*RUN_JSON).unwrap();
        Ledger::create(folder.path()).unwrap();
        RunKey::create(folder.path()).unwrap();
        Self {
            folder,
            model: describe(&network),
            network,
            manifest,
        }
    }

    pub fn run(&self) -> &Path {
        self.folder.path()
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::open(self.run()).unwrap()
    }

    pub fn weights(&self) -> Vec<f32> {
        self.network.initialise(7)
    }

    /// Ten records of their own for every request.
    pub fn request(&self, number: u64) -> RequestFacts {
        let first = 10 * number as usize;
        let records = self.manifest.len();
        let forgotten = Selection::new(records, (first..first + 10).collect()).unwrap();
        let salt = fresh_salt().unwrap();
        // A day each, from March on.
        let (month, day) = (3 + (number - 1) / 28, 1 + (number - 1) % 28);
        RequestFacts {
            number,
            requested_at: format!("2026-{month:02}-{day:02}T12:00:00Z"),
            records: self.manifest.hashes_of(&forgotten).unwrap(),
            salt,
            private: PrivateRow {
                number,
                key: Some(format!("ticket-{number}")),
                body: json!({"number": number, "salt": salt, "forgotten": forgotten}).to_string(),
                forgotten,
            },
        }
    }

    /// σ = 0.01 at δ = 1e-5 on the ball's diameter.
    pub fn order(&self, number: u64) -> ReleaseOrder<'_> {
        let ledger = Ledger::open_existing(self.run());
        let answered = ledger.map_or(number - 1, |ledger| ledger.history().request_count());
        ReleaseOrder {
            basis: Basis {
                run: self.run(),
                configuration: Some(digest_of(&RUN_JSON)),
                model: &self.model,
                ball: Ball {
                    radius: RADIUS,
                    centre: None,
                    seed: None,
                },
                noise: NoiseChoice::Sigma {
                    sigma: 0.01,
                    delta: 1e-5,
                },
                accept_noise: false,
                insecure_noise_seed: None,
                statistics: None,
                budget: None,
                request: Some(self.request(number)),
                data: DataFacts {
                    dataset: "digits".to_owned(),
                    manifest: self.manifest.root(),
                    records: 1440,
                    retained: 1340 - 10 * (answered + 1),
                    validation: 100,
                    input_scaling: InputScaling::Constants,
                },
                declarations: Vec::new(),
            },
            state: state(number),
            weights: PrivateWeights::new(self.weights()),
            candidates: vec![ball_bound()],
            method: method(),
        }
    }

    /// Releases, opening ledger and key for this alone.
    pub fn release(&self, order: ReleaseOrder<'_>) -> Result<Released, ReleaseError> {
        let key = RunKey::open(self.run())?;
        release(order, &mut Ledger::open(self.run())?, &key)
    }

    /// Records a request without a release.
    pub fn record(&self, number: u64) {
        let request = self.request(number);
        record_request(&mut self.ledger(), state(number), &request).unwrap();
    }

    /// What opening a run makes of what a crash left.
    pub fn recover(&self) -> Result<Recovered, rescind_run::ledger::LedgerError> {
        recover(self.run(), &Ledger::open(self.run())?)
    }
}

/// Somebody's word that a centre given does not depend on the records.
pub fn public_centre() -> Vec<Declaration> {
    vec![Declaration {
        what: Declared::PublicCentre,
        by: Some("A. Smith".to_owned()),
    }]
}

fn describe(network: &Network) -> ModelDescription {
    let tensors = |layout: &[NetworkTensor]| {
        let named = layout.iter().map(|tensor| Tensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            fan_in: tensor.fan_in,
            frozen: false,
        });
        named.collect()
    };
    let rough = network.non_smooth_layers();
    ModelDescription {
        kind: "network".to_owned(),
        linearised: false,
        loss: None,
        tensors: tensors(network.parameters()),
        statistics: tensors(network.statistics()),
        smoothness: Smoothness::Examined {
            rough: rough.into_iter().map(str::to_owned).collect(),
        },
        architecture: serde_json::to_value(network.description()).unwrap(),
    }
}

/// A network over made-up records, as nobody but these tests builds one.
struct MadeUp {
    network: Network,
    description: ModelDescription,
    records: Dataset,
}

impl Model for MadeUp {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        self.records.len()
    }

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        let input = self.records.input(position).unwrap();
        Ok(record_hash(&[4], "a", input))
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        let mut positions = records.to_vec();
        positions.sort_unstable();
        let on = Selection::new(self.records.len(), positions)?;
        let model = NetworkModel::new(&self.network);
        let objective = NetworkObjective::new(&model, &self.records, &on)?;
        Ok(objective.gradient(w, gradient)?)
    }
}

/// A certificate of fine-tuning with noise (σ = 0.01 at δ = 1e-5): `steps` noisy steps, then
/// `epochs` of recovery, on records that fit the fixture's network.
pub fn fine_tuned(fixture: &Fixture, number: u64, steps: u64, epochs: u64) -> Certificate {
    let labels: Vec<u32> = (0..90).map(|i| i % 3).collect();
    let inputs: Vec<f32> = (0..90 * 4).map(|i| (i as f32).sin()).collect();
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let model = MadeUp {
        network: fixture.network.clone(),
        description: fixture.model.clone(),
        records: Dataset::new("made up", vec![4], names, inputs, labels).unwrap(),
    };
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
    let ball = rescind_unlearn::Ball::new(RADIUS, None).unwrap();
    let ReleaseOrder {
        mut basis, weights, ..
    } = fixture.order(number);
    // The rest counts as held out.
    (basis.data.retained, basis.data.validation) = (80, 100 + basis.data.retained - 80);
    let order = FineTuneOrder {
        basis,
        weights,
        schedule,
        retained: Retained {
            model: &model,
            records: &records,
            ball: &ball,
            minibatch: 16,
            seed: 3,
            penalty: 0.0,
            recovery: (epochs > 0).then_some(recovery),
        },
    };
    let mut ledger = fixture.ledger();
    let (noised, _) = fine_tune(order, &ledger, &mut ()).unwrap();
    let mut settings = json!({"start_radius": 0.5, "recovery_epochs": epochs});
    if steps > 0 {
        settings = json!({"start_radius": 0.5, "recovery_epochs": epochs, "noisy_steps": steps,
            "step_size": 0.1, "clip_norm": 1.5, "weight_decay": 0.25, "minibatch": 16, "seed": 3});
    }
    let name = match steps {
        0 => "output-perturbation",
        _ => "noisy-finetune",
    };
    let method = MethodReported {
        facts: MethodFacts {
            name: name.to_owned(),
            settings: settings.as_object().unwrap().clone(),
        },
        measured: Measurements {
            gradient_norm_before: None,
            gradient_norm_after: None,
            solve: None,
            ..method().measured
        },
    };
    let key = RunKey::open(fixture.run()).unwrap();
    let released = noised.release(&mut ledger, &key, state(number), method);
    released.unwrap().certificate
}
/// The digest of the private state that belongs to a request.
pub fn state(number: u64) -> Digest {
    Digest::from([number as u8; 32])
}

/// A Newton step without a theorem.
pub fn method() -> MethodReported {
    let settings = json!({"curvature": "gauss-newton", "damping": 0.001, "seed": 60,
        "constants": {"hessian_lipschitz": null}});
    MethodReported {
        facts: MethodFacts {
            name: "newton".to_owned(),
            settings: settings.as_object().unwrap().clone(),
        },
        measured: Measurements {
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
            details: json!({"solve_seconds": 0.75}),
        },
    }
}

/// The same where M was given, as [`newton_bound`] has it.
pub fn with_theorem() -> MethodReported {
    with_failure(1e-6)
}

/// The same, where the least eigenvalue may be wrong with this probability.
pub fn with_failure(failure_probability: f64) -> MethodReported {
    let mut method = method();
    method.facts.settings["constants"] = json!({
        "hessian_lipschitz": {"kind": "assumed", "value": 0.1},
        "failure_probability": failure_probability,
    });
    method
}

/// Descent to ‖∇F‖ = 0.2 under a penalty of 100.
pub fn descent() -> MethodReported {
    let settings = json!({"penalty": 100.0, "gradient_bound": 0.2});
    MethodReported {
        facts: MethodFacts {
            name: "descent".to_owned(),
            settings: settings.as_object().unwrap().clone(),
        },
        ..method()
    }
}

pub fn constant(symbol: Symbol, value: f64, provenance: Provenance) -> Constant {
    Constant::new(symbol, value, provenance, "by the test").unwrap()
}

pub fn ball_bound() -> SensitivityBound {
    let radius = constant(Symbol::BallRadius, RADIUS, Provenance::Proved);
    SensitivityBound::new(Theorem::BallDiameter, vec![radius]).unwrap()
}

/// Wrong with this probability.
pub fn failing(failure_probability: f64) -> Provenance {
    Provenance::Probabilistic {
        failure_probability,
    }
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

/// ‖∇F‖ and 0.2 over μ = 100, as [`descent`] has it.
pub fn convex_bound(norm: f64, provenance: Provenance) -> SensitivityBound {
    let constants = vec![
        constant(Symbol::GradientNorm, norm, provenance),
        constant(Symbol::GradientBound, 0.2, Provenance::Proved),
        constant(Symbol::Penalty, 100.0, Provenance::Proved),
    ];
    SensitivityBound::new(Theorem::StronglyConvex, constants).unwrap()
}
