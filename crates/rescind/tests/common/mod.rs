//! What the tests of runs share.
#![allow(dead_code)] // every test file uses its own part

use rescind::forgetting::{ForgetRequest, Method, ReleaseOrder, Released, Releaser, RequestRecord};
use rescind::forgetting::{NoiseChoice, ReleaseChoice};
use rescind::methods::newton::NewtonSettings;
use rescind::run::ModelChoice;
use rescind::training::TrainingSettings;
use rescind::{Error, Run, RunConfig};
use rescind_data::Digest;
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

/// Stands in for mechanism and ledger: a text file of committed states, and releases without noise.
pub struct Books;

impl Books {
    fn commit(run: &Path, state: Digest) -> Result<(), Error> {
        let (path, partial) = (run.join("books"), run.join("books.partial"));
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&partial, format!("{before}{state}\n")).unwrap();
        fs::rename(partial, path).unwrap();
        Ok(())
    }
}

impl Releaser for Books {
    fn release(&mut self, mut order: ReleaseOrder<'_>) -> Result<Released, Error> {
        let releases = order.run.join("releases");
        let staging = releases.join(".staging");
        fs::create_dir_all(&staging).unwrap();
        let statistics = match order.statistics.as_mut() {
            Some(compute) => compute(&order.weights)?,
            None => Vec::new(),
        };
        let weights = Weights {
            parameters: order.weights,
            statistics,
        };
        let bytes = weights.to_safetensors(order.network)?;
        fs::write(staging.join("weights.safetensors"), bytes).unwrap();
        Books::commit(order.run, order.state)?;
        let folder = releases.join(format!("{:06}", order.record.number));
        fs::rename(&staging, &folder).unwrap();
        Ok(Released { folder })
    }

    fn record(&mut self, run: &Path, state: Digest, _: &RequestRecord) -> Result<(), Error> {
        Books::commit(run, state)
    }

    fn recover(&mut self, run: &Path) -> Result<Option<Digest>, Error> {
        let books = fs::read_to_string(run.join("books")).unwrap_or_default();
        Ok(books.lines().last().map(|line| line.parse().unwrap()))
    }
}
