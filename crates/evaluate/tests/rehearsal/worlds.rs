//! Two worlds that differ in the record that was there and was forgotten.

use super::published::Published;
use rescind::methods::MethodChoice;
use rescind::methods::noisy::FinetuneSettings;
use rescind::release::Released;
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Parameterisation, ReleaseChoice, Request, Run, RunConfig};
use rescind_data::{Digest, HeldOut, Manifest, load};
use rescind_network::{Activation, Loss, Network, Weights, zoo};
use rescind_privacy::{Gdp, NoiseChoice};
use std::fs;
use std::path::Path;

/// Which guarantee is attacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tangent,
    Head,
    /// A head of squared error whose requests read no record but their own.
    PreparedHead,
    /// A tangent model that answers two requests, the second released later.
    Sequence,
    NoisyFineTuning,
}

/// Which record was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    First,
    Second,
}

/// Releases of one world.
pub struct Releases {
    pub published: Vec<Published>,
    /// Of the last run, before noise, of each of its releases.
    pub weights: Vec<f64>,
    /// What holds for the first request after all of a run's releases.
    pub gdp: Gdp,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// Weights of one release.
    pub each: usize,
}

/// The table, the record to be forgotten first.
fn table(world: World) -> String {
    let first = match world {
        World::First => "9,-9,yes",
        World::Second => "-9,9,no",
    };
    let rest = (0..39).map(|row| {
        let (a, b) = (row * 7 % 11 - 5, row * 5 % 9 - 4);
        let class = if a + b > 0 { "yes" } else { "no" };
        format!("{a},{b},{class}\n")
    });
    format!("a,b,class\n{first}\n{}", rest.collect::<String>())
}

fn mlp() -> ModelChoice {
    ModelChoice::Mlp {
        hidden: vec![4],
        activation: Activation::Tanh,
        norm: zoo::Norm::None,
    }
}

fn config(kind: Kind, path: &Path) -> RunConfig {
    let convex = TrainingSettings {
        penalty: 0.1,
        until_gradient: Some(0.02),
        ..TrainingSettings::default()
    };
    let config = RunConfig {
        data: format!("csv:{}?label=class&test=0", path.display())
            .parse()
            .unwrap(),
        model: mlp(),
        ..RunConfig::default()
    };
    match kind {
        Kind::Tangent | Kind::Sequence => RunConfig {
            parameterisation: Parameterisation::Tangent,
            training: convex,
            ..config
        },
        Kind::Head => RunConfig {
            parameterisation: Parameterisation::Head,
            training: convex,
            declared_by: Some("the operator".to_owned()),
            ..config
        },
        Kind::PreparedHead => RunConfig {
            loss: Loss::SquaredError,
            ..self::config(Kind::Head, path)
        },
        Kind::NoisyFineTuning => RunConfig {
            training: TrainingSettings {
                epochs: 3,
                ..TrainingSettings::default()
            },
            radius: Some(2.0),
            ..config
        },
    }
}

/// Weights that never saw a record.
fn backbone() -> Vec<u8> {
    let norm = zoo::Norm::None;
    let network = Network::new(zoo::mlp(&[2], &[4], 2, Activation::Tanh, norm).unwrap()).unwrap();
    let weights = Weights::<f32> {
        parameters: network.initialise(9),
        statistics: Vec::new(),
    };
    weights.to_safetensors(&network).unwrap()
}

fn release() -> ReleaseChoice {
    let noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    ReleaseChoice {
        accept_noise: true,
        ..ReleaseChoice::new(noise)
    }
}

fn request(kind: Kind, record: &str) -> Request {
    let request = Request::of(record.parse().unwrap()).released(release());
    match kind {
        Kind::NoisyFineTuning => {
            let settings = FinetuneSettings::default();
            request.by(MethodChoice::with("noisy-finetune", &settings).unwrap())
        }
        _ => request,
    }
}

/// What a run of this kind releases, one after the other, with the weights before noise.
fn releases_of(kind: Kind, run: &mut Run) -> Vec<(Released, Vec<f64>)> {
    let before = |run: &Run| {
        let private = run.private_weights().unwrap();
        let moving = run.model().description().moving();
        let weights = moving.of(&private.parameters);
        weights.into_iter().map(f64::from).collect::<Vec<f64>>()
    };
    let answer = run.forget(&request(kind, "0"), &mut ()).unwrap();
    let mut all = vec![(answer.release.unwrap(), before(run))];
    if kind == Kind::Sequence {
        run.forget(&Request::of("5".parse().unwrap()), &mut ())
            .unwrap();
        all.push((run.release(&release(), &mut ()).unwrap(), before(run)));
    }
    all
}

/// So many runs of a world, each trained and forgotten from afresh.
pub fn releases(kind: Kind, world: World, count: usize, folder: &Path) -> Releases {
    let path = folder.join("table.csv");
    fs::write(&path, table(world)).unwrap();
    let centre = matches!(kind, Kind::Head | Kind::PreparedHead).then(backbone);
    let (mut published, mut before) = (Vec::new(), Vec::new());
    let mut stated = None;
    for _ in 0..count {
        // Always in the same place: where a run lies is no part of what it publishes.
        let root = folder.join("run");
        let _ = fs::remove_dir_all(&root);
        let config = config(kind, &path);
        let mut run = Run::create(&root, config, centre.as_deref(), &mut ()).unwrap();
        run.train(&mut ()).unwrap();
        if kind == Kind::PreparedHead {
            run.refresh(&mut ()).unwrap();
        }
        let all = releases_of(kind, &mut run);
        let sigmas = all.iter().map(|(one, _)| one.certificate.noise.sigma);
        let sigma = sigmas.clone().next().unwrap();
        assert!(sigmas.into_iter().all(|other| other == sigma));
        let standings = run.ledger().history().standings().unwrap();
        // What stays at the centre is the same in both worlds.
        let moving = run.model().description().moving();
        let weights = all
            .iter()
            .flat_map(|(one, _)| moving.of(one.weights.parameters()));
        let weights: Vec<f32> = weights.collect();
        let each = weights.len() / all.len();
        stated = Some((standings[0].gdp(), sigma.value(), each));
        published.push(Published::of(&root, &weights, "released"));
        before = all.into_iter().flat_map(|(_, before)| before).collect();
    }
    let (gdp, sigma, each) = stated.unwrap();
    Releases {
        published,
        weights: before,
        gdp,
        sigma,
        each,
    }
}

/// The root of the world's records that a manifest of a known secret would have.
pub fn unsalted_root(world: World) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, table(world)).unwrap();
    let source = format!("csv:{}?label=class&test=0", path.display());
    let data = load(&source.parse().unwrap(), None).unwrap().train;
    let secret = Digest::from([0; 32]);
    let manifest = Manifest::new(&data, "", secret, HeldOut::NONE).unwrap();
    manifest.root().to_string()
}

/// A norm over all records of the world.
pub fn data_norm(world: World) -> String {
    let rows = table(world);
    let numbers = rows.lines().skip(1).flat_map(|line| {
        line.split(',')
            .take(2)
            .map(|x| x.parse::<f64>().unwrap())
            .collect::<Vec<_>>()
    });
    let sum: f64 = numbers
        .enumerate()
        .map(|(i, x)| (x + 0.5).powi(2) * (1.0 + i as f64))
        .sum();
    format!("{}", sum.sqrt())
}
