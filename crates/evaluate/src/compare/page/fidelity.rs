//! How close the methods come to retraining.

use super::rows::{bars, chart, retrained};
use crate::compare::Results;
use crate::report::{Block, Figure};

pub(super) fn accuracies(results: &Results) -> Block {
    let sets = [
        ("forgotten", "forgotten_accuracy"),
        ("retained", "retained_accuracy"),
        ("test", "test_accuracy"),
    ];
    let caption = format!(
        "A method that has forgotten has its three marks where the retrained model has them. {} The \
         axis need not start at 0.",
        bars(results)
    );
    Figure::block(
        "accuracy",
        "Accuracy by set of records and method",
        &caption,
        chart(results, "accuracy (%)", &sets, 100.0),
    )
}

pub(super) fn losses(results: &Results) -> Block {
    let metric = "forgotten_loss";
    let mut chart = chart(
        results,
        "mean loss on forgotten records (nats)",
        &[("each method", metric)],
        1.0,
    );
    chart.references.extend(retrained(results, metric, 1.0));
    let caption = format!(
        "Left of the line a model still knows more of them than one that never saw them; right of it \
         the method went too far, which can itself be seen. {}",
        bars(results)
    );
    Figure::block(
        "forgotten-loss",
        "Loss on the forgotten records",
        &caption,
        chart,
    )
}
