//! How attacks trade false alarms for records found.

use super::chart::{Axis, Chart, Mark, Scale, Series};
use super::page::{Block, Figure};

/// The figure of some curves, each by its name and its points (false-positive rate, true-positive
/// rate), beside guessing. At most five can be told apart.
pub(crate) fn figure(curves: Vec<(String, Vec<(f64, f64)>)>, caption: &str) -> Block {
    let curves = curves.into_iter();
    let mut series: Vec<Series> = curves
        .map(|(name, points)| Series::new(name, points, Mark::Line))
        .collect();
    // Drawn as far down as the attacks are.
    let points = series.iter().flat_map(|series| &series.points);
    let alarms = points.map(|&(alarms, _)| alarms);
    let least = alarms.filter(|rate| *rate > 0.0).fold(0.1_f64, f64::min);
    if !series.is_empty() {
        let guessing = vec![(least, least), (1.0, 1.0)];
        series.push(Series::new("guessing", guessing, Mark::Line));
    }
    let chart = Chart {
        x: Axis::new("false-positive rate (share of unseen records)", Scale::Log),
        y: Axis::new(
            "true-positive rate (share of forgotten records)",
            Scale::Log,
        ),
        series,
        references: Vec::new(),
    };
    let caption = format!(
        "On logarithmic axes, because an attack that finds a few records without a false alarm is \
         worse than one that is a little better than guessing throughout; where a line is missing \
         no record is found. {caption}"
    );
    let title = "What attacks find, at every rate of false alarms";
    Figure::block("roc", title, &caption, chart)
}
