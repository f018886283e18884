//! The page of a comparison draws its results, however few there are.

use crate::checks::{check_figures, check_page, figure, series, shown};
use rescind_evaluate::compare::{CellKind, Missing, Promise, Results};
use rescind_evaluate::report::{Figure, Place, Tone};
use std::path::Path;

/// A finished comparison: 11 methods, 3 seeds.
fn finished() -> Results {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results/mnist-mlp.json");
    Results::read(&path).unwrap()
}

/// Only cells and rows of these methods.
fn only(methods: &[&str], mut results: Results) -> Results {
    results.rows.retain(|row| methods.contains(&&*row.method));
    results
        .cells
        .retain(|cell| methods.contains(&&*cell.method));
    results
}

fn lines(figure: &Figure, name: &str) -> f64 {
    let mut references = figure.chart.references.iter();
    let found = references.find(|reference| reference.name == name).unwrap();
    match found.place {
        Place::X(x) => x,
        Place::Y(y) => y,
    }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn figures_show_means_and_deviations_of_the_methods() {
    let results = finished();
    let report = results.report();
    check_page(&report.to_html());
    check_figures(&report);
    let names: Vec<&str> = report.figures().map(|figure| &*figure.name).collect();
    let expected = ["accuracy", "forgotten-loss", "attacks", "roc", "trade-off"];
    assert_eq!(names, expected);

    let accuracy = figure(&report, "accuracy");
    let losses = figure(&report, "forgotten-loss");
    let forgotten = &accuracy.chart.series[0];
    for (row, of) in results.rows.iter().enumerate() {
        let spread = of.metrics["forgotten_accuracy"];
        near(forgotten.points[row].0, 100.0 * spread.mean);
        near(forgotten.points[row].1, row as f64);
        let (bar, deviation) = (forgotten.bars[row], spread.deviation.unwrap());
        near(bar.from.0, 100.0 * (spread.mean - deviation));
        near(bar.to.0, 100.0 * (spread.mean + deviation));
        near(
            series(losses, "each method")[row].0,
            of.metrics["forgotten_loss"].mean,
        );
    }
    near(
        lines(losses, "retrained"),
        results.rows[0].metrics["forgotten_loss"].mean,
    );

    let attacks = figure(&report, "attacks");
    near(lines(attacks, "guessing"), 0.5);
    near(
        lines(attacks, "retrained, alone"),
        results.rows[0].metrics["attack_auc"].mean,
    );
    // The original makes no pair with itself.
    assert_eq!(
        series(attacks, "on the model alone").len(),
        results.rows.len()
    );
    assert_eq!(
        series(attacks, "on the pair with the original").len(),
        results.rows.len() - 1
    );

    let trade = figure(&report, "trade-off");
    let retrained = series(trade, "retrained");
    near(retrained[0].0, 100.0);
    let seconds = |method: &str| {
        let own = results.cells.iter().filter(|cell| cell.method == method);
        own.map(|cell| cell.seconds).collect::<Vec<f64>>()
    };
    let shares: Vec<f64> = seconds("scrub")
        .into_iter()
        .zip(seconds("retrain"))
        .map(|(a, b)| a / b)
        .collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let none = trade
        .chart
        .series
        .iter()
        .find(|s| s.name == "no guarantee")
        .unwrap();
    let place = none
        .labels
        .iter()
        .position(|label| label == "scrub")
        .unwrap();
    near(none.points[place].0, 100.0 * mean);
    assert_eq!(none.labels.len(), results.rows.len() - 3);
    // 8e8 is no guarantee worth its name, and the legend does not make it one.
    let hardly = series(trade, "epsilon 10 or more, hardly a guarantee");
    assert_eq!(hardly.len(), 1);

    let curve = series(figure(&report, "roc"), "retrain");
    let first = curve.last().unwrap();
    assert!((first.0 - 1.0).abs() < 1e-12 && (first.1 - 1.0).abs() < 1e-12);
    assert!(curve.len() > 30 && curve.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    assert_eq!(figure(&report, "roc").chart.series.len(), 6);
}

#[test]
fn a_promise_worth_its_name_is_marked_as_one() {
    let mut results = finished();
    let row = results
        .rows
        .iter_mut()
        .find(|row| row.method == "newton-released");
    row.unwrap().promise = Some(Promise {
        epsilon: 1.0,
        delta: 1e-5,
        sigma: 1.0,
        kind: "proved".to_owned(),
    });
    let report = results.report();
    let trade = figure(&report, "trade-off");
    assert_eq!(series(trade, "guarantee with epsilon below 10").len(), 1);
}

#[test]
fn a_page_says_what_is_missing_and_what_failed() {
    let missing = |seed, method: &str, failed: Option<&str>| Missing {
        seed,
        method: method.to_owned(),
        failed: failed.map(str::to_owned),
    };
    let empty = Results {
        rows: Vec::new(),
        cells: Vec::new(),
        missing: vec![missing(42, "retrain", None), missing(43, "retrain", None)],
        ..finished()
    };
    let page = empty.report();
    check_page(&page.to_html());
    assert_eq!(page.headline.kind, "Nothing measured yet");
    let said = "retrain with seeds 42, 43 is not measured yet.";
    assert_eq!(
        (page.headline.notes[0].as_str(), page.figures().count()),
        (said, 0)
    );

    let mut failed = only(&["retrain", "newton"], finished());
    failed.missing = vec![
        missing(42, "scrub", Some("<b>the weights</b> are not finite")),
        missing(43, "scrub", None),
    ];
    let page = failed.report();
    check_page(&page.to_html());
    check_figures(&page);
    assert_eq!(page.headline.tone, Tone::Bad);
    assert_eq!(page.headline.kind, "Incomplete: 6 of 8 measured, 1 failed");
    let html = shown(&page.to_html());
    assert!(html.contains("scrub with seed 42 failed: <b>the weights</b> are not finite."));
    assert!(
        failed
            .markdown()
            .contains("scrub with seed 43 is not measured yet.")
    );
}

#[test]
fn one_seed_one_method_and_no_attack_still_make_a_page() {
    let mut one = only(&["newton"], finished());
    one.cells.truncate(1);
    one.cells[0].attacks.clear();
    one.cells[0].no_attack = Some("too few records".to_owned());
    for spread in one.rows[0].metrics.values_mut() {
        (spread.deviation, spread.seeds) = (None, 1);
    }
    one.rows[0].metrics.retain(|name, _| !name.contains("auc"));
    let page = one.report();
    check_page(&page.to_html());
    check_figures(&page);
    let names: Vec<&str> = page.figures().map(|figure| &*figure.name).collect();
    assert_eq!(names, ["accuracy", "forgotten-loss"]);
    let accuracy = figure(&page, "accuracy");
    assert!(
        accuracy
            .chart
            .series
            .iter()
            .all(|series| series.bars.is_empty())
    );
    assert!(accuracy.caption.contains("One seed"));
    let html = page.to_html();
    for said in [
        "too few records",
        "Attacks by method: nothing to draw yet",
        "Accuracy against time, by guarantee: nothing to draw yet",
    ] {
        assert!(html.contains(said), "{said}");
    }
    // A single method of which nothing can be certified, and a cell that never took any time.
    let mut base = only(&["retrain", "fisher"], finished());
    base.cells.iter_mut().for_each(|cell| cell.seconds = 0.0);
    assert_eq!(base.rows[1].kind, CellKind::Baseline);
    check_page(&base.report().to_html());
    check_figures(&base.report());
}
