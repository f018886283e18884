//! Short measurements on this machine.

use super::Here;
use crate::evaluation::measure;
use crate::observer::Observer;
use crate::run::Run;
use crate::training::TrainingState;
use crate::{Curvature, Error, NetworkObjective, Objective};
use rescind_data::Selection;
use rescind_network::Batch;
use rescind_privacy::NoiseScale;
use rescind_privacy::noise::NoiseSource;
use std::time::Instant;

/// Records that a probe of the curvature is over.
const PROBED: usize = 1000;

/// Steps and products that are timed.
const TIMES: u32 = 3;

/// How long things take.
pub(super) struct Speed {
    /// An epoch of training on the records that would stay.
    pub(super) epoch: f64,
    /// Where the epoch's time came from.
    pub(super) epoch_from: &'static str,
    /// The gradient of a minibatch, and noise for every weight.
    pub(super) noisy_step: f64,
    /// A product with the curvature, for each record it is over.
    pub(super) product: f64,
}

impl Speed {
    pub(super) fn measure(
        run: &Run,
        state: &TrainingState,
        retained: &Selection,
    ) -> Result<Self, Error> {
        let w = &state.weights.parameters;
        let model = run.model(state.weights.statistics.clone());
        let dataset = &run.records.train;
        let first = |count: usize| {
            let positions = retained.positions();
            Selection::new(
                dataset.len(),
                positions[..count.min(positions.len())].to_vec(),
            )
        };
        let batch = run.config.training.batch;
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        dataset.copy_batch(first(batch)?.positions(), &mut inputs, &mut labels)?;
        let evaluator = model.evaluator::<f32>()?;
        let (mut gradient, mut running) = (vec![0.0; w.len()], state.weights.statistics.clone());
        let mut noised: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
        let mut source = NoiseSource::from_operating_system()?;
        let mut step = || -> Result<(), Error> {
            let batch = Batch::classes(&inputs, &labels);
            evaluator.training_gradient(w, batch, &mut gradient, &mut running, 0.1)?;
            source.add_gaussian_unrounded(NoiseScale::new(1e-3)?, &mut noised)?;
            Ok(())
        };
        let noisy_step = timed(&mut step)?;

        let probed = first(PROBED)?;
        let objective = NetworkObjective::new(&model, dataset, &probed)?;
        let curvature = objective.curvature(w, Curvature::GaussNewton)?;
        let mut out = vec![0.0; w.len()];
        let mut product = || {
            curvature.apply(w, &mut out);
            Ok(())
        };
        let product = timed(&mut product)? / probed.len() as f64;

        let steps = retained.len().div_ceil(batch) as f64;
        let history = &state.progress.history;
        let (epoch, epoch_from) = match history.last() {
            // What was trained on then may have been more than would stay now.
            Some(last) if last.seconds > 0.0 => {
                let share = retained.len() as f64 / run.split.train.len() as f64;
                let epoch = share * last.seconds / last.epoch as f64;
                (epoch, "the run's own training took")
            }
            _ => (steps * noisy_step, "a few minibatches took"),
        };
        Ok(Self {
            epoch,
            epoch_from,
            noisy_step,
            product,
        })
    }
}

/// Seconds of one call, after one to warm up.
fn timed(work: &mut dyn FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    work()?;
    let began = Instant::now();
    for _ in 0..TIMES {
        work()?;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(TIMES))
}

impl Here<'_> {
    /// Test accuracy of the private weights, or of a noised copy in memory that nobody sees.
    pub(super) fn accuracy_with_noise(
        &self,
        sigma: Option<NoiseScale>,
        observer: &mut dyn Observer,
    ) -> Result<f64, Error> {
        let weights = &self.state.weights;
        let (mut w, mut statistics) = (weights.parameters.clone(), weights.statistics.clone());
        if let Some(sigma) = sigma {
            let mut noised: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
            NoiseSource::from_operating_system()?.add_gaussian_unrounded(sigma, &mut noised)?;
            w = noised.into_iter().map(|w| w as f32).collect();
            statistics = self.run.statistics_on(self.retained, &w)?;
        }
        let test = &self.run.records.test;
        let all = Selection::all(test.len());
        let model = self.run.model(statistics);
        Ok(measure(&model, &w, test, &all, observer)?.accuracy)
    }
}
