//! The numbers that a cell comes to.

use super::cell::Cell;
use crate::attack::{self, Attack};

/// A number of a cell, with its name.
pub(super) struct Metric {
    pub name: &'static str,
    pub of: fn(&Cell) -> Option<f64>,
}

/// The attack of the largest area on the pair of models, or on the model alone.
pub(super) fn strongest(cell: &Cell, of_pair: bool) -> Option<&Attack> {
    let attacks = cell.attacks.iter();
    attack::strongest(attacks.filter(|attack| attack.features.of_pair() == of_pair))
}

pub(super) const METRICS: [Metric; 23] = [
    Metric {
        name: "forgotten_loss",
        of: |cell| Some(cell.fidelity.forgotten.scores.loss),
    },
    Metric {
        name: "forgotten_accuracy",
        of: |cell| Some(cell.fidelity.forgotten.scores.accuracy),
    },
    Metric {
        name: "forgotten_micro_f1",
        of: |cell| Some(cell.fidelity.forgotten.scores.micro_f1),
    },
    Metric {
        name: "retained_loss",
        of: |cell| Some(cell.fidelity.retained.scores.loss),
    },
    Metric {
        name: "retained_accuracy",
        of: |cell| Some(cell.fidelity.retained.scores.accuracy),
    },
    Metric {
        name: "test_loss",
        of: |cell| Some(cell.fidelity.test.scores.loss),
    },
    Metric {
        name: "test_accuracy",
        of: |cell| Some(cell.fidelity.test.scores.accuracy),
    },
    Metric {
        name: "forgotten_divergence",
        of: |cell| cell.fidelity.forgotten.divergence,
    },
    Metric {
        name: "retained_divergence",
        of: |cell| cell.fidelity.retained.divergence,
    },
    Metric {
        name: "test_divergence",
        of: |cell| cell.fidelity.test.divergence,
    },
    Metric {
        name: "forgotten_agreement",
        of: |cell| cell.fidelity.forgotten.agreement,
    },
    Metric {
        name: "test_agreement",
        of: |cell| cell.fidelity.test.agreement,
    },
    Metric {
        name: "to_retrained",
        of: |cell| cell.fidelity.to_retrained,
    },
    Metric {
        name: "to_original",
        of: |cell| cell.fidelity.to_original,
    },
    // A model that did not relearn within the limit counts as the limit.
    Metric {
        name: "relearn_steps",
        of: |cell| {
            let relearn = cell.fidelity.relearn?;
            Some(relearn.steps.unwrap_or(relearn.limit) as f64)
        },
    },
    Metric {
        name: "attack_auc",
        of: |cell| Some(strongest(cell, false)?.performance.auc.value),
    },
    Metric {
        name: "attack_found_at_1_percent",
        of: |cell| Some(strongest(cell, false)?.performance.found_at_1_percent.value),
    },
    Metric {
        name: "pair_attack_auc",
        of: |cell| Some(strongest(cell, true)?.performance.auc.value),
    },
    Metric {
        name: "likelihood_auc",
        of: |cell| Some(cell.likelihood?.auc.value),
    },
    Metric {
        name: "likelihood_found_at_1_percent",
        of: |cell| Some(cell.likelihood?.found_at_1_percent.value),
    },
    Metric {
        name: "seconds",
        of: |cell| Some(cell.seconds),
    },
    Metric {
        name: "products",
        of: |cell| Some(cell.products as f64),
    },
    Metric {
        name: "minibatch_products",
        of: |cell| Some(cell.minibatch_products as f64),
    },
];
