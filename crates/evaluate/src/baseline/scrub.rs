//! SCRUB.
//!
//! The gradient of KL(p ‖ softmax(z)) in the logits z is that of the cross-entropy with soft
//! labels p, so a weighted sum of a divergence and a cross-entropy is one cross-entropy with
//! labels mixed in the same proportion, times the sum of the weights.

use super::task::{BaselineTask, batches};
use crate::descent::{Descent, Direction};
use crate::fidelity::Outputs;
use rescind::training::Optimiser;
use rescind::{Error, NetworkModel, Observer};
use rescind_data::{Selection, epoch_order};
use rescind_network::{Batch, Targets, Weights};

pub(super) struct Settings {
    pub epochs: u64,
    pub max_epochs: u64,
    pub alpha: f64,
    pub gamma: f64,
    pub learning_rate: f64,
}

pub(super) fn scrub(
    task: &BaselineTask<'_>,
    settings: Settings,
    observer: &mut dyn Observer,
) -> Result<Weights<f32>, Error> {
    let mut model = task.model.clone();
    model.statistics.clone_from(&task.weights.statistics);
    // Adam is blind to the scale of its gradients, so α + γ is left out.
    let mixed = settings.alpha / (settings.alpha + settings.gamma);
    let forget = Teacher::new(task, &model, task.forgotten, 1.0)?;
    let retain = Teacher::new(task, &model, task.retained, mixed)?;
    // No penalty: on the way up it would be climbed as well.
    model.penalty = 0.0;
    let adam = Optimiser::adam(settings.learning_rate);
    let momentum = task.training.settings.statistics_momentum;
    let mut descent =
        Descent::new(&model, task.weights, adam, momentum)?.within(task.training.ball);
    for epoch in 0..settings.epochs {
        if epoch < settings.max_epochs {
            forget.epoch(task, epoch, Direction::Up, &mut descent, observer)?;
        }
        retain.epoch(task, epoch, Direction::Down, &mut descent, observer)?;
    }
    Ok(descent.into_weights())
}

/// Records with the soft labels they are taught by.
struct Teacher<'a> {
    records: &'a Selection,
    classes: usize,
    targets: Vec<f32>,
}

impl<'a> Teacher<'a> {
    /// Labels of which the share `mixed` is the original model's posterior, the rest the truth.
    fn new(
        task: &BaselineTask<'_>,
        model: &NetworkModel<'_>,
        records: &'a Selection,
        mixed: f64,
    ) -> Result<Self, Error> {
        let outputs = Outputs::of(model, &task.weights.parameters, task.dataset, records)?;
        let classes = outputs.classes();
        let mut targets = outputs.probabilities();
        for (row, &label) in targets.chunks_exact_mut(classes).zip(outputs.labels()) {
            row.iter_mut().for_each(|p| *p *= mixed);
            row[label as usize] += 1.0 - mixed;
        }
        Ok(Teacher {
            records,
            classes,
            targets: targets.into_iter().map(|p| p as f32).collect(),
        })
    }

    fn epoch(
        &self,
        task: &BaselineTask<'_>,
        epoch: u64,
        direction: Direction,
        descent: &mut Descent<'_, '_>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        let mut targets = Vec::new();
        let places = epoch_order(&Selection::all(self.records.len()), task.seed, epoch);
        for batch in batches(&places, task) {
            let positions: Vec<usize> = batch
                .iter()
                .map(|&place| self.records.positions()[place])
                .collect();
            task.dataset
                .copy_batch(&positions, &mut inputs, &mut labels)?;
            targets.clear();
            for &place in batch {
                targets.extend_from_slice(&self.targets[place * self.classes..][..self.classes]);
            }
            let batch = Batch::new(&inputs, Targets::Values(&targets));
            descent.step(batch, direction)?;
            descent.report(None, observer)?;
        }
        Ok(())
    }
}
