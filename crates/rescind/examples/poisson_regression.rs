//! A model that Rescind knows nothing of comes in: Poisson regression, trained, made to forget by a
//! Newton step and by noisy fine-tuning, in sequence, released, and verified with its run.
//!
//! ```text
//! cargo run --release -p rescind --example poisson_regression -- FOLDER
//! ```

use rescind::methods::MethodChoice;
use rescind::methods::newton::{Damping, NewtonSettings};
use rescind::methods::noisy::FinetuneSettings;
use rescind::training::{Optimiser, TrainingSettings};
use rescind::verify::{Evidence, verify};
use rescind::{
    Curvature, CurvatureProducts, DoublePrecision, EvaluationSet, Failure, Measured, Model,
    ModelDescription, Observer, OutsideRecords, ReleaseChoice, Request, Run, RunSettings,
    Smoothness, Tensor,
};
use rescind_data::{Digest, record_hash};
use rescind_privacy::NoiseChoice;
use std::path::Path;

/// How often something happened, given three numbers: `y ~ Poisson(exp(x · w))`.
pub struct Poisson {
    description: ModelDescription,
    inputs: Vec<[f64; WIDTH]>,
    counts: Vec<f64>,
    /// Records from here on are kept for testing.
    trained: usize,
}

/// Inputs of a record, a constant among them.
const WIDTH: usize = 4;

impl Poisson {
    /// Made-up records, the same every time: 400 to train on, 100 to test.
    #[must_use]
    pub fn made_up() -> Self {
        let wave = |i: usize, k: f64| (i as f64 * k).sin();
        let inputs: Vec<[f64; WIDTH]> = (0..500)
            .map(|i| [1.0, wave(i, 0.7), wave(i, 1.3), wave(i, 2.9)])
            .collect();
        let truth = [0.5, 0.8, -0.6, 0.3];
        let count = |(i, x): (usize, &[f64; WIDTH])| {
            let rate: f64 = x.iter().zip(truth).map(|(x, w)| x * w).sum::<f64>().exp();
            (rate + 0.8 * wave(i, 5.1)).round().max(0.0)
        };
        Self {
            counts: inputs.iter().enumerate().map(count).collect(),
            inputs,
            trained: 400,
            description: ModelDescription {
                kind: "poisson-regression".to_owned(),
                linearised: false,
                loss: None,
                tensors: vec![Tensor {
                    name: "coefficients".to_owned(),
                    shape: vec![WIDTH],
                    fan_in: 0,
                    frozen: false,
                }],
                statistics: Vec::new(),
                // exp is smooth, and its third derivative bounded on a ball.
                smoothness: Smoothness::Examined { rough: Vec::new() },
                architecture: serde_json::json!({ "link": "log", "version": 1 }),
            },
        }
    }

    fn rate(&self, w: &[f64], record: usize) -> Result<f64, Failure> {
        let log: f64 = self.inputs[record].iter().zip(w).map(|(x, w)| x * w).sum();
        match log < 50.0 {
            true => Ok(log.exp()),
            false => Err(format!("the rate of record {record} overflows").into()),
        }
    }
}

impl Model for Poisson {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        self.trained
    }

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        let input = self.inputs[position].map(|x| x as f32);
        Ok(record_hash(
            &[WIDTH],
            &self.counts[position].to_string(),
            &input,
        ))
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        let w: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
        let mut exact = vec![0.0; w.len()];
        let loss = self.exact_gradient(&w, records, &mut exact)?;
        for (g, exact) in gradient.iter_mut().zip(exact) {
            *g = exact as f32;
        }
        Ok(loss)
    }

    fn curvature(&self) -> Option<&dyn CurvatureProducts> {
        Some(self)
    }

    fn double_precision(&self) -> Option<&dyn DoublePrecision> {
        Some(self)
    }

    fn measure(
        &self,
        w: &[f32],
        _: &[f32],
        on: EvaluationSet<'_>,
        _: &mut dyn Observer,
    ) -> Result<Option<Measured>, Failure> {
        let records: Vec<usize> = match on {
            EvaluationSet::Records(selection) => selection.positions().to_vec(),
            EvaluationSet::Test => (self.trained..self.inputs.len()).collect(),
        };
        let mut gradient = vec![0.0; w.len()];
        let loss = match records.is_empty() {
            true => 0.0,
            false => self.gradient(w, &records, &mut gradient)?,
        };
        Ok(Some(Measured {
            records: records.len(),
            loss,
            accuracy: None,
        }))
    }
}

impl DoublePrecision for Poisson {
    fn exact_gradient(
        &self,
        w: &[f64],
        records: &[usize],
        gradient: &mut [f64],
    ) -> Result<f64, Failure> {
        gradient.fill(0.0);
        let (mut loss, share) = (0.0, 1.0 / records.len() as f64);
        for &record in records {
            let (rate, count) = (self.rate(w, record)?, self.counts[record]);
            loss += share * (rate - count * rate.ln());
            for (g, x) in gradient.iter_mut().zip(&self.inputs[record]) {
                *g += share * (rate - count) * x;
            }
        }
        Ok(loss)
    }

    fn exact_product(
        &self,
        _: Curvature, // the Gauss-Newton matrix of a log link is the Hessian
        w: &[f64],
        records: &[usize],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure> {
        out.fill(0.0);
        for &record in records {
            let x = &self.inputs[record];
            let along: f64 = x.iter().zip(v).map(|(x, v)| x * v).sum();
            let scale = self.rate(w, record)? * along / records.len() as f64;
            for (out, x) in out.iter_mut().zip(x) {
                *out += scale * x;
            }
        }
        Ok(())
    }
}

impl CurvatureProducts for Poisson {
    fn product(
        &self,
        which: Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure> {
        let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let mut exact = vec![0.0; out.len()];
        self.exact_product(which, &wide(w), records, &wide(v), &mut exact)?;
        for (out, exact) in out.iter_mut().zip(exact) {
            *out = exact as f32;
        }
        Ok(())
    }
}

/// Trains, forgets twice, releases both times; returns the loss on the records of the first request
/// before and after it.
///
/// # Errors
/// What the run meets.
pub fn run(folder: &Path) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let people: Vec<String> = (0..400).map(|i| format!("person-{}", i % 80)).collect();
    let records = OutsideRecords {
        dataset: "made-up counts".to_owned(),
        subjects: Some(people),
    };
    let settings = RunSettings {
        training: TrainingSettings {
            optimiser: Optimiser::adam(0.05),
            epochs: 60,
            batch: 50,
            penalty: 1e-3,
            ..TrainingSettings::default()
        },
        radius: 5.0,
        keep_iterates: true,
        // Who vouches for the gradients above, which no program can check.
        declared_by: Some("the author of this example".to_owned()),
    };
    let model = || Box::new(Poisson::made_up());
    let mut run = Run::create_outside(folder, model(), &records, settings, None)?;
    run.train(&mut ())?;

    // A person asks to be forgotten: one Newton step, released with noise.
    let newton = MethodChoice::with(
        "newton",
        &NewtonSettings {
            damping: Damping::Given { value: 1e-3 },
            subsample: None,
            check: true,
            ..NewtonSettings::default()
        },
    )?;
    let noise = NoiseChoice::Sigma {
        sigma: 0.01,
        delta: 1e-5,
    };
    let request = Request::of("subject:person-17".parse()?).by(newton);
    let first = run.forget(&request.released(ReleaseChoice::new(noise)), &mut ())?;
    let effect = first.record.effect.ok_or("the model measures itself")?;

    // The run is closed and opened again, with the model that it was made with.
    drop(run);
    let mut run = Run::open_outside(folder, model(), &records)?;

    // Another asks: noisy fine-tuning, which holds for any model, at epsilon = 1.
    let promise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    let finetune = FinetuneSettings {
        recovery_epochs: Some(20),
        ..FinetuneSettings::default()
    };
    let request = Request::of("subject:person-3".parse()?)
        .by(MethodChoice::with("noisy-finetune", &finetune)?)
        .released(ReleaseChoice::new(promise));
    run.forget(&request, &mut ())?;

    for release in [1, 2] {
        let path = format!("releases/{release:06}/certificate.json");
        let evidence = Evidence {
            run: Some(folder.to_owned()),
            recomputed: Some(run.recompute(release)?),
            ..Evidence::default()
        };
        let report = verify(&std::fs::read(folder.join(path))?, &evidence);
        println!("Release {release}:\n{report}\n");
        if !report.holds() {
            return Err("a certificate does not hold".into());
        }
    }
    Ok((effect.forgotten_before.loss, effect.forgotten_after.loss))
}

#[allow(dead_code)] // a test includes this file
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("give a new folder")?;
    let (before, after) = run(Path::new(&folder))?;
    println!("Loss on the first person's records: {before:.4} before, {after:.4} after.");
    Ok(())
}
