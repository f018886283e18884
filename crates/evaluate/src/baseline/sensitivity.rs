//! How much each weight matters to some records: the mean square of its derivative.

use super::BaselineTask;
use crate::descent::report;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind::{Error, Observer, Phase};
use rescind_data::{Selection, epoch_order};
use rescind_network::{Batch, Execution};
use std::sync::Arc;

/// Which label a record is differentiated at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// Its own.
    Own,
    /// One drawn from the model's own posterior: then the mean is an unbiased estimate of the
    /// diagonal of the Fisher information.
    Drawn,
}

/// `(1/n) Σ (∂ℓ_i/∂w)²` without the penalty, over at most `most` of the records, drawn by the
/// task's seed.
pub(super) fn squared_gradients(
    task: &BaselineTask<'_>,
    of: &Selection,
    most: usize,
    label: Label,
    observer: &mut dyn Observer,
) -> Result<Vec<f64>, Error> {
    let mut model = task.model.clone();
    model.penalty = 0.0;
    model.statistics.clone_from(&task.weights.statistics);
    // One record at a time leaves nothing to share among threads.
    model.execution = Arc::new(Execution::new(1, model.execution.memory_budget())?);
    let evaluator = model.evaluator::<f32>()?;
    let w = &task.weights.parameters;
    let mut random = ChaCha8Rng::seed_from_u64(task.seed);
    let mut order = epoch_order(of, task.seed, 0);
    order.truncate(most);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    let mut gradient = vec![0.0; w.len()];
    let mut sums = vec![0.0_f64; w.len()];
    for (done, position) in order.iter().enumerate() {
        task.dataset
            .copy_batch(&[*position], &mut inputs, &mut labels)?;
        if label == Label::Drawn {
            labels[0] = draw(&evaluator.logits(w, &inputs)?, &mut random);
        }
        evaluator.gradient(w, Batch::classes(&inputs, &labels), &mut gradient)?;
        for (sum, &g) in sums.iter_mut().zip(&gradient) {
            *sum += f64::from(g) * f64::from(g);
        }
        report(
            observer,
            Phase::Train,
            done as u64 + 1,
            Some(order.len() as u64),
        )?;
    }
    let count = order.len().max(1) as f64;
    sums.iter_mut().for_each(|sum| *sum /= count);
    Ok(sums)
}

/// A class drawn from the softmax of these logits.
fn draw(logits: &[f32], random: &mut ChaCha8Rng) -> u32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|&z| f64::from(z - top).exp()).collect();
    let mut left = random.random_range(0.0..weights.iter().sum::<f64>());
    for (class, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return class as u32;
        }
    }
    (weights.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rescind::training::Trainer;
    use rescind::{NetworkModel, Run, RunConfig};
    use rescind_data::Dataset;
    use rescind_network::{Network, Weights, zoo};

    /// Softmax regression: `∂ℓ/∂W = (p − y) xᵀ`, whose squares can be written down.
    #[test]
    fn squares_are_those_of_softmax_regression() {
        let network = Network::new(zoo::logistic(&[2], 3).unwrap()).unwrap();
        let model = NetworkModel::new(&network);
        let x = [0.5_f32, -1.5];
        let copies = 4000;
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let inputs = x.repeat(copies);
        let dataset = Dataset::new("one", vec![2], names, inputs, vec![2; copies]).unwrap();
        let all = Selection::all(copies);
        let weights = Weights {
            parameters: vec![0.3, -0.2, 0.1, 0.4, -0.5, 0.2, 0.05, 0.0, -0.1],
            statistics: Vec::new(),
        };
        // Nothing is trained here.
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let run = Run::create(&run, RunConfig::default(), None, &mut ()).unwrap();
        let task = BaselineTask {
            model: &model,
            weights: &weights,
            dataset: &dataset,
            retained: &all,
            forgotten: &all,
            training: Trainer {
                model: run.model(),
                train: &all,
                validation: &all,
                settings: &run.settings().training,
                ball: run.ball(),
            },
            seed: 1,
        };
        let w = &weights.parameters;
        let logit = |k: usize| f64::from(w[2 * k] * x[0] + w[2 * k + 1] * x[1] + w[6 + k]);
        let sum: f64 = (0..3).map(|k| logit(k).exp()).sum();
        let p = [0, 1, 2].map(|k| logit(k).exp() / sum);
        let input = [f64::from(x[0]), f64::from(x[1]), 1.0];
        // (p_k − [k = y])² at the label, or on average over labels drawn from p.
        let own = [0, 1, 2].map(|k| (p[k] - if k == 2 { 1.0 } else { 0.0 }).powi(2));
        let fisher = p.map(|p| p * (1.0 - p));
        for (label, outer, tolerance) in [(Label::Own, own, 1e-5), (Label::Drawn, fisher, 0.06)] {
            let found = squared_gradients(&task, &all, copies, label, &mut ()).unwrap();
            for (k, outer) in outer.into_iter().enumerate() {
                for (j, place) in [(0, 2 * k), (1, 2 * k + 1), (2, 6 + k)] {
                    let expected = outer * input[j] * input[j];
                    let gap = (found[place] / expected - 1.0).abs();
                    assert!(gap < tolerance, "{place}: {} {expected}", found[place]);
                }
            }
        }
    }
}
