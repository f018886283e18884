//! Fisher forgetting.

use super::BaselineTask;
use super::sensitivity::{Label, squared_gradients};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rescind::{Error, Observer};
use rescind_network::Weights;

/// Added to the Fisher information, which is zero for weights that no record uses.
const FLOOR: f64 = 1e-8;

pub(super) fn forget(
    task: &BaselineTask<'_>,
    alpha: f64,
    records: usize,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let fisher = squared_gradients(task, task.retained, records, Label::Drawn, observer)?;
    let mut random = ChaCha8Rng::seed_from_u64(task.seed);
    let mut weights = task.weights.clone();
    for (w, information) in weights.parameters.iter_mut().zip(fisher) {
        let noise: f64 = StandardNormal.sample(&mut random);
        *w += (alpha * (information + FLOOR).powf(-0.25) * noise) as f32;
    }
    task.training.ball.project(&mut weights.parameters);
    Ok(weights)
}
