//! Selective synaptic dampening.

use super::BaselineTask;
use super::sensitivity::{Label, squared_gradients};
use rescind::{Error, Observer};
use rescind_network::Weights;

pub(super) fn dampen(
    task: &BaselineTask<'_>,
    alpha: f64,
    lambda: f64,
    records: usize,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let all = task.retained.union(task.forgotten)?;
    let of_all = squared_gradients(task, &all, records, Label::Own, observer)?;
    let of_forgotten = squared_gradients(task, task.forgotten, records, Label::Own, observer)?;
    let mut weights = task.weights.clone();
    let importances = of_all.into_iter().zip(of_forgotten);
    for (w, (of_all, of_forgotten)) in weights.parameters.iter_mut().zip(importances) {
        *w = (f64::from(*w) * factor(of_all, of_forgotten, alpha, lambda)) as f32;
    }
    // A ball around zero cannot be left by shrinking, one around public weights can.
    task.training.ball.project(&mut weights.parameters);
    Ok(weights)
}

/// What a weight is multiplied by.
fn factor(of_all: f64, of_forgotten: f64, alpha: f64, lambda: f64) -> f64 {
    match of_forgotten > alpha * of_all {
        true => (lambda * of_all / of_forgotten).min(1.0),
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::factor;

    #[test]
    fn only_what_the_forgotten_records_lean_on_is_dampened() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15);
        near(factor(1.0, 9.9, 10.0, 1.0), 1.0);
        near(factor(1.0, 20.0, 10.0, 1.0), 0.05);
        near(factor(1.0, 20.0, 10.0, 40.0), 1.0);
        near(factor(0.0, 1.0, 10.0, 1.0), 0.0);
        near(factor(0.0, 0.0, 10.0, 1.0), 1.0);
    }
}
