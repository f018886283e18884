//! Runs, convex models and releases with planted faults.
#![allow(dead_code)] // every test file uses its own part

use rescind::methods::MethodChoice;
use rescind::methods::newton::{
    self, Constants, Damping, HessianLipschitz, NewtonSettings, NewtonTask, Preconditioning,
    RightHandSide, SolverChoice,
};
use rescind::training::TrainingSettings;
use rescind::{
    Ball, ModelChoice, NetworkModel, NetworkObjective, Observer, ReleaseChoice, Request, Run,
    RunConfig, exact_gradient_norm,
};
use rescind_curvature::Stopping;
use rescind_data::{DataSource, Dataset, Selection, load};
use rescind_evaluate::audit::{AuditError, Claim, Pair, Releases};
use rescind_network::{Network, zoo};
use rescind_privacy::noise::{NoiseSource, ReleaseFormat};
use rescind_privacy::{Delta, Gdp, NoiseChoice, NoiseScale, Sensitivity};
use std::ops::Range;
use std::path::Path;

/// A run on the digits that trains in a blink.
pub fn small() -> RunConfig {
    RunConfig {
        model: ModelChoice::Logistic,
        training: TrainingSettings {
            epochs: 3,
            batch: 64,
            ..Default::default()
        },
        ..RunConfig::default()
    }
}

pub fn unreleased(request: &str) -> Request {
    let newton = MethodChoice::with("newton", &NewtonSettings::default()).unwrap();
    Request::of(request.parse().unwrap()).by(newton)
}

pub fn released(request: &str, sigma: f64) -> Request {
    unreleased(request).released(ReleaseChoice {
        noise: NoiseChoice::Sigma { sigma, delta: 1e-5 },
        accept_noise: false,
        insecure_noise_seed: Some(1),
        budget: None,
    })
}

/// A trained run that forgot 30 records and released with little noise.
pub fn released_run(root: &Path) -> Run {
    let mut run = Run::create(root, small(), None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run.forget(&released("random:30?seed=1", 1e-3), &mut ())
        .unwrap();
    run
}

/// A run whose certificate rests on a false assumption: that training converges. The bound of its
/// Newton step is then far too small.
pub fn run_with_a_false_promise(root: &Path) -> Run {
    let training = TrainingSettings {
        penalty: 0.05,
        ..small().training
    };
    let config = RunConfig {
        training,
        ..small()
    };
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let settings = NewtonSettings {
        constants: Constants {
            hessian_lipschitz: Some(HessianLipschitz::Assumed { value: 0.0 }),
            gradient_bound: Some(0.0),
            lanczos_steps: 650,
            ..Constants::default()
        },
        ..exact_newton()
    };
    let release = ReleaseChoice {
        noise: NoiseChoice::Promise {
            epsilon: 1.0,
            delta: 1e-5,
        },
        accept_noise: true,
        insecure_noise_seed: Some(1),
        budget: None,
    };
    let newton = MethodChoice::with("newton", &settings).unwrap();
    let asked = unreleased("random:30?seed=1").by(newton).released(release);
    run.forget(&asked, &mut ()).unwrap();
    run
}

/// A Newton step of the whole objective, solved well.
fn exact_newton() -> NewtonSettings {
    NewtonSettings {
        right_hand_side: RightHandSide::RetainGradient,
        damping: Damping::Given { value: 1e-4 },
        solver: SolverChoice::Cg {
            stopping: Stopping {
                relative_tolerance: 1e-4,
                max_products: 300,
            },
        },
        preconditioning: Preconditioning::None,
        ..NewtonSettings::default()
    }
}

/// What a Gaussian release promises.
pub fn claim(sensitivity: Sensitivity, sigma: NoiseScale, delta: Delta) -> Claim {
    let gdp = Gdp::of_release(sensitivity, sigma).unwrap();
    Claim {
        epsilon: gdp.epsilon(delta).unwrap().value(),
        delta: delta.value(),
        mu: gdp.mu(),
    }
}

/// Releases of two fixed sets of weights, as a mechanism with a fault would make them.
pub struct Planted {
    pub unlearned: Vec<f32>,
    pub retrained: Vec<f32>,
    sigma: NoiseScale,
    quiet: Range<usize>,
    source: NoiseSource,
}

impl Clone for Planted {
    fn clone(&self) -> Self {
        Planted {
            quiet: self.quiet.clone(),
            ..Planted::new(self.unlearned.clone(), self.retrained.clone(), self.sigma)
        }
    }
}

impl Planted {
    pub fn new(unlearned: Vec<f32>, retrained: Vec<f32>, sigma: NoiseScale) -> Self {
        Planted {
            unlearned,
            retrained,
            sigma,
            quiet: 0..0,
            source: NoiseSource::insecure_from_seed(11),
        }
    }

    /// Noise at this share of σ.
    pub fn with_share_of_sigma(mut self, share: f64) -> Self {
        self.sigma = NoiseScale::new(share * self.sigma.value()).unwrap();
        self
    }

    /// No noise on these parameters.
    pub fn with_quiet(mut self, quiet: Range<usize>) -> Self {
        self.quiet = quiet;
        self
    }

    fn draw(&mut self, unlearned: bool) -> Vec<f32> {
        let side = match unlearned {
            true => &self.unlearned,
            false => &self.retrained,
        };
        let mut noised: Vec<f64> = side.iter().map(|&w| f64::from(w)).collect();
        self.source
            .add_gaussian(self.sigma, 20.0, ReleaseFormat::F32, &mut noised)
            .unwrap();
        let mut release: Vec<f32> = noised.into_iter().map(|w| w as f32).collect();
        release[self.quiet.clone()].copy_from_slice(&side[self.quiet.clone()]);
        release
    }
}

impl Releases for Planted {
    fn next(&mut self, _: &mut dyn Observer) -> Result<Pair, AuditError> {
        Ok(Pair {
            unlearned: self.draw(true),
            retrained: self.draw(false),
        })
    }
}

/// Softmax regression on the digits with a penalty: strongly convex.
pub struct Convex {
    pub network: Network,
    dataset: Dataset,
    all: Selection,
    pub retained: Selection,
    pub penalty: f64,
    /// The gradient norm at which minimising stops.
    pub stop: f64,
    ball: Ball,
}

impl Convex {
    pub fn digits() -> Self {
        let dataset = load(&DataSource::Digits, None).unwrap().train;
        let description =
            zoo::logistic(dataset.input_shape(), dataset.class_names().len()).unwrap();
        let all = Selection::all(dataset.len());
        let forgotten = Selection::new(dataset.len(), (100..150).collect()).unwrap();
        Convex {
            network: Network::new(description).unwrap(),
            retained: all.difference(&forgotten).unwrap(),
            all,
            dataset,
            penalty: 0.05,
            stop: 2e-5,
            ball: Ball::new(100.0, None).unwrap(),
        }
    }

    pub fn all(&self) -> &Selection {
        &self.all
    }

    pub fn zero(&self) -> Vec<f32> {
        vec![0.0; self.network.parameter_count()]
    }

    fn objective(&self, on: &Selection) -> NetworkObjective<'_, '_> {
        let model = NetworkModel {
            penalty: self.penalty,
            ..NetworkModel::new(&self.network)
        };
        NetworkObjective::new(&model, &self.dataset, on).unwrap()
    }

    pub fn gradient_norm(&self, on: &Selection, w: &[f32]) -> f64 {
        exact_gradient_norm(&self.objective(on), w).unwrap()
    }

    /// One Newton step on these records.
    pub fn step(&self, on: &Selection, w: &[f32]) -> Vec<f32> {
        let objective = self.objective(on);
        let task = NewtonTask {
            weights: w,
            retain: &objective,
            forget: Some(&objective),
            forgotten: on.len(),
            ball: &self.ball,
            gradient_stop: None,
            batch_norm: false,
            kept: None,
        };
        newton::step(&task, &exact_newton(), &mut ())
            .unwrap()
            .weights
    }

    /// Newton steps until the gradient is small enough.
    pub fn minimise(&self, on: &Selection, from: &[f32]) -> Vec<f32> {
        let mut w = from.to_vec();
        for _ in 0..30 {
            if self.gradient_norm(on, &w) <= self.stop {
                return w;
            }
            w = self.step(on, &w);
        }
        panic!("gradient {} is left", self.gradient_norm(on, &w));
    }
}
