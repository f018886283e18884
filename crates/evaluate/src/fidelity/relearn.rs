//! Relearn time: how quickly forgotten records are learnt again.

use super::{Outputs, Scores};
use crate::descent::{Descent, Direction};
use rescind::training::Optimiser;
use rescind::{Error, NetworkModel, Observer};
use rescind_data::{Dataset, Selection, epoch_order};
use rescind_network::{Batch, Weights};
use serde::{Deserialize, Serialize};

/// What relearning starts from.
pub struct RelearnTask<'a> {
    /// The network and its penalty.
    pub model: &'a NetworkModel<'a>,
    /// The weights of the model that is to have forgotten.
    pub weights: &'a Weights<f32>,
    /// The records.
    pub dataset: &'a Dataset,
    /// Those forgotten.
    pub forgotten: &'a Selection,
    /// The optimiser, with fresh moments: the one of the original training.
    pub optimiser: Optimiser,
    /// Records in a minibatch, at least 1: as in the original training.
    pub batch: usize,
    /// Momentum of batch norm's statistics.
    pub statistics_momentum: f64,
    /// Seed of the order of the records.
    pub seed: u64,
    /// The original model's loss on the forgotten records.
    pub target: f64,
    /// Most steps.
    pub limit: u64,
}

/// How long relearning took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relearn {
    /// Optimiser steps on the forgotten records until their mean loss was at most the original
    /// model's: 0 if it was from the start, absent if the limit came first.
    pub steps: Option<u64>,
    /// Most steps tried.
    pub limit: u64,
}

/// Trains on the forgotten records alone until their loss is back at the target. A model that
/// forgot in appearance only is back sooner than a retrained one (Golatkar et al. 2020).
///
/// # Errors
/// As [`Outputs::of`]; [`rescind::ModelError::Interrupted`].
pub fn relearn(task: &RelearnTask<'_>, observer: &mut dyn Observer) -> Result<Relearn, Error> {
    let mut model = task.model.clone();
    let mut descent = Descent::new(
        &model,
        task.weights,
        task.optimiser,
        task.statistics_momentum,
    )?;
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    let (mut order, mut epoch) = (Vec::new().into_iter(), 0);
    for steps in 0..=task.limit {
        let now = descent.weights();
        model.statistics.clone_from(&now.statistics);
        let outputs = Outputs::of(&model, &now.parameters, task.dataset, task.forgotten)?;
        if Scores::of(&outputs).loss <= task.target {
            return Ok(Relearn {
                steps: Some(steps),
                limit: task.limit,
            });
        }
        if steps == task.limit {
            break;
        }
        if order.len() == 0 {
            order = epoch_order(task.forgotten, task.seed, epoch).into_iter();
            epoch += 1;
        }
        let batch: Vec<usize> = order.by_ref().take(task.batch.max(1)).collect();
        task.dataset.copy_batch(&batch, &mut inputs, &mut labels)?;
        descent.step(Batch::classes(&inputs, &labels), Direction::Down)?;
        descent.report(Some(task.limit), observer)?;
    }
    Ok(Relearn {
        steps: None,
        limit: task.limit,
    })
}
