//! Charts with a row for every method.

use crate::compare::config::RETRAIN;
use crate::compare::{Results, Spread};
use crate::report::{Axis, Bar, Chart, Mark, Place, Reference, Scale, Series};

/// A series: its name, and the metric it shows.
pub(super) type Shown = (&'static str, &'static str);

/// Some metrics of every method, with error bars, `factor` times as large.
pub(super) fn chart(results: &Results, label: &str, metrics: &[Shown], factor: f64) -> Chart {
    let series = metrics.iter().map(|&(name, metric)| {
        let spreads = results.rows.iter().enumerate();
        let spreads = spreads.filter_map(|(row, of)| Some((row as f64, of.metrics.get(metric)?)));
        let (mut points, mut bars) = (Vec::new(), Vec::new());
        for (row, spread) in spreads {
            points.push((factor * spread.mean, row));
            bars.extend(ends(spread).map(|(low, high)| Bar {
                from: (factor * low, row),
                to: (factor * high, row),
            }));
        }
        Series {
            bars,
            ..Series::new(name, points, Mark::Points)
        }
    });
    let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
    let names = results.rows.iter().map(|row| row.method.clone()).collect();
    Chart {
        x: Axis::new(label, scale(&series)),
        y: Axis::new("method", Scale::Categories(names)),
        series,
        references: Vec::new(),
    }
}

/// One standard deviation to either side, where there is one.
pub(super) fn ends(spread: &Spread) -> Option<(f64, f64)> {
    let deviation = spread.deviation?;
    Some((spread.mean - deviation, spread.mean + deviation))
}

/// What the retrained model comes to by this metric.
pub(super) fn retrained(results: &Results, metric: &str, factor: f64) -> Option<Reference> {
    let row = results.rows.iter().find(|row| row.method == RETRAIN)?;
    Some(Reference {
        name: "retrained".to_owned(),
        place: Place::X(factor * row.metrics.get(metric)?.mean),
    })
}

/// Logarithmic where one method would press all others together.
fn scale(series: &[Series]) -> Scale {
    let values = series.iter().flat_map(|series| &series.points);
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), &(value, _)| {
        (low.min(value), high.max(value))
    });
    match low > 0.0 && high > 30.0 * low {
        true => Scale::Log,
        false => Scale::Linear,
    }
}

/// What error bars show, if there are any.
pub(super) fn bars(results: &Results) -> String {
    let rows = results.rows.iter().flat_map(|row| row.metrics.values());
    match rows.map(|spread| spread.seeds).max().unwrap_or(0) {
        0 | 1 => "One seed, so there are no error bars.".to_owned(),
        most => format!("Error bars: a sample standard deviation over {most} seeds either way."),
    }
}
