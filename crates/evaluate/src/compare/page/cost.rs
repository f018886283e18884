//! Guarantee, accuracy and time together.

use super::rows::{bars, ends};
use crate::compare::config::{ORIGINAL, RETRAIN};
use crate::compare::{Cell, Results, Row, Spread};
use crate::report::words::VACUOUS;
use crate::report::{Axis, Bar, Block, Chart, Figure, Mark, Place, Reference, Scale, Series};

/// What a method promises, as the legend has it.
const PROMISES: [&str; 4] = [
    "guarantee with epsilon below 10",
    "epsilon 10 or more, hardly a guarantee",
    "no guarantee",
    "retrained",
];

fn promise(row: &Row) -> &'static str {
    match &row.promise {
        _ if row.method == RETRAIN => PROMISES[3],
        None => PROMISES[2],
        Some(promise) if promise.epsilon < VACUOUS => PROMISES[0],
        Some(_) => PROMISES[1],
    }
}

pub(super) fn trade_off(results: &Results) -> Block {
    let places: Vec<(&Row, Spread, Spread)> = results
        .rows
        .iter()
        .filter(|row| row.method == RETRAIN || !row.is_given())
        .filter_map(|row| {
            let accuracy = row.metrics.get("test_accuracy")?;
            Some((row, share(results, &row.method)?, *accuracy))
        })
        .collect();
    let series = PROMISES.iter().map(|&name| {
        let own = places.iter().filter(|(row, ..)| promise(row) == name);
        let mut series = Series::new(name, Vec::new(), Mark::Points);
        for (row, time, accuracy) in own {
            let (x, y) = (100.0 * time.mean, 100.0 * accuracy.mean);
            series.points.push((x, y));
            series.labels.push(row.method.clone());
            let across = ends(time).map(|(low, high)| ((100.0 * low, y), (100.0 * high, y)));
            let up = ends(accuracy).map(|(low, high)| ((x, 100.0 * low), (x, 100.0 * high)));
            let bars = across.into_iter().chain(up);
            series.bars.extend(bars.map(|(from, to)| Bar { from, to }));
        }
        series
    });
    let original = results.rows.iter().find(|row| row.method == ORIGINAL);
    let original = original.and_then(|row| row.metrics.get("test_accuracy"));
    let chart = Chart {
        x: Axis::new("time as a share of retraining's (%)", Scale::Log),
        y: Axis::new("accuracy on test records (%)", Scale::Linear),
        series: series.filter(|series| !series.points.is_empty()).collect(),
        references: original
            .map(|accuracy| Reference {
                name: "original".to_owned(),
                place: Place::Y(100.0 * accuracy.mean),
            })
            .into_iter()
            .collect(),
    };
    let caption = format!(
        "The best place is top left, with a guarantee. Time is each seed's, divided by retraining's \
         with that seed, and not more exact than the machine was quiet. {}",
        bars(results)
    );
    Figure::block(
        "trade-off",
        "Accuracy against time, by guarantee",
        &caption,
        chart,
    )
}

/// Time as a share of that of retraining with the same seed.
fn share(results: &Results, method: &str) -> Option<Spread> {
    let of = |method: &str, seed: Option<u64>| {
        let cells = results.cells.iter();
        let own = move |cell: &&Cell| seed.is_none_or(|seed| cell.seed == seed);
        let method = method.to_owned();
        cells.filter(own).filter(move |cell| cell.method == method)
    };
    let shares = of(method, None).filter_map(|cell| {
        let whole = of(RETRAIN, Some(cell.seed)).next()?.seconds;
        (whole > 0.0).then(|| cell.seconds / whole)
    });
    Spread::of(&shares.collect::<Vec<f64>>())
}
