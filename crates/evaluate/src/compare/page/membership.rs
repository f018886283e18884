//! What attacks find.

use super::rows::{bars, chart, retrained};
use crate::attack::Attack;
use crate::compare::cell::CellKind;
use crate::compare::metrics::strongest;
use crate::compare::{Results, Row};
use crate::report::{Block, Figure, Place, Reference, roc};

/// Curves that can be told apart.
const MOST_CURVES: usize = 5;

pub(super) fn blocks(results: &Results) -> Vec<Block> {
    let mut blocks = vec![areas(results), curves(results)];
    let mut reasons = results.cells.iter();
    if let Some(reason) = reasons.find_map(|cell| cell.no_attack.as_ref()) {
        blocks.push(Block::text(format!(
            "Not every model was attacked: {reason}."
        )));
    }
    blocks
}

fn areas(results: &Results) -> Block {
    let alone = "attack_auc";
    let attacks = [
        ("on the model alone", alone),
        ("on the pair with the original", "pair_attack_auc"),
        ("likelihood ratio (U-LiRA)", "likelihood_auc"),
    ];
    let mut chart = chart(results, "area under the curve (AUC)", &attacks, 1.0);
    let guessing = Reference {
        name: "guessing".to_owned(),
        place: Place::X(0.5),
    };
    let retrained = retrained(results, alone, 1.0).map(|line| Reference {
        name: "retrained, alone".to_owned(),
        ..line
    });
    chart
        .references
        .extend([guessing].into_iter().chain(retrained));
    let caption = format!(
        "The best of the attackers on each. A model that never saw the records gives them the \
         retrained model's area, which the best of several takes above one half by chance alone. {}",
        bars(results)
    );
    Figure::block("attacks", "Attacks by method", &caption, chart)
}

/// The strongest attack on the model alone, as a mean over the seeds.
fn curves(results: &Results) -> Block {
    let mut rows: Vec<&Row> = results.rows.iter().collect();
    // What can be certified before what cannot; otherwise in the table's order.
    rows.sort_by_key(|row| !row.is_given() && row.kind == CellKind::Baseline);
    let drawn = rows.into_iter().filter_map(|row| {
        let cells = results.cells.iter();
        let own = cells.filter(|cell| cell.method == row.method);
        let attacks: Vec<&Attack> = own.filter_map(|cell| strongest(cell, false)).collect();
        Some((row.method.clone(), mean(&attacks)?))
    });
    let drawn: Vec<_> = drawn.take(MOST_CURVES).collect();
    let left_out = match results.rows.len() > drawn.len() {
        true => {
            " Not every method is drawn: the models given, then what can be certified, come first."
        }
        false => "",
    };
    let caption =
        format!("The strongest attack on each model alone, mean over the seeds.{left_out}");
    roc::figure(drawn, &caption)
}

/// The mean of their curves, which have the same false-positive rates.
fn mean(attacks: &[&Attack]) -> Option<Vec<(f64, f64)>> {
    let mut sum: Vec<(f64, f64)> = attacks.first()?.points().collect();
    for attack in &attacks[1..] {
        let points = sum.iter_mut().zip(attack.points());
        points.for_each(|(sum, (_, found))| sum.1 += found);
    }
    let count = attacks.len() as f64;
    sum.iter_mut().for_each(|(_, found)| *found /= count);
    (!sum.is_empty()).then_some(sum)
}
