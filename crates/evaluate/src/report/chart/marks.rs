//! The marks of a series.

use super::draw::{Frame, round};
use super::{Bar, Chart, Mark, Scale, Series};
use maud::{Markup, html};

/// Series that can be told apart.
const KINDS: usize = 6;
/// Distance between marks of two series in one named row.
pub(super) const APART: f64 = 10.0;

/// The marks and error bars of the series of this index.
pub(super) fn marks(chart: &Chart, series: &Series, index: usize, frame: &Frame) -> Markup {
    let places = places(chart, series, index, frame);
    // A line through one point is none.
    let points = series.mark != Mark::Line || places.len() == 1;
    let shift = shift(chart, index);
    html! {
        @for bar in series.bars.iter().filter(|bar| bar.is_finite()) {
            (error_bar(*bar, index, shift, frame))
        }
        @if series.mark != Mark::Points && places.len() > 1 { (stroke(index, &places)) }
        @if points {
            @for place in places { (symbol(index, place)) }
        }
    }
}

/// Where the points that can be shown lie.
pub(super) fn places(
    chart: &Chart,
    series: &Series,
    index: usize,
    frame: &Frame,
) -> Vec<(f64, f64)> {
    let shift = shift(chart, index);
    let shown = series.points.iter().filter(|point| chart.shows(**point));
    let places = shown.map(|point| frame.place(*point));
    places.map(|(x, y)| (x, y + shift)).collect()
}

/// Marks of several series in one row must not hide each other.
fn shift(chart: &Chart, index: usize) -> f64 {
    match chart.y.scale {
        Scale::Categories(_) => APART * (index as f64 - (chart.series.len() as f64 - 1.0) / 2.0),
        _ => 0.0,
    }
}

fn error_bar(bar: Bar, index: usize, shift: f64, frame: &Frame) -> Markup {
    // What lies below a logarithmic axis lies at no place: it ends where the axis does.
    let [(x1, y1), (x2, y2)] = [bar.from, bar.to].map(|end| {
        let (x, y) = frame.place(end);
        let x = if x.is_nan() { frame.left } else { x };
        let y = if y.is_nan() { frame.bottom } else { y };
        let x = x.clamp(frame.left, frame.right);
        (round(x), round(y.clamp(frame.top, frame.bottom) + shift))
    });
    html! {
        line class=(format!("c{}", index % KINDS)) x1=(x1) y1=(y1) x2=(x2) y2=(y2)
            stroke-width="1.5" stroke-opacity="0.65" {}
    }
}

pub(super) fn stroke(index: usize, places: &[(f64, f64)]) -> Markup {
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{},{}", round(*x), round(*y)))
        .collect();
    html! {
        polyline class=(format!("l c{}", index % KINDS)) points=(points.join(" "))
            stroke-dasharray=(dashes(index)) {}
    }
}

/// Every series that can be told apart has its own.
pub(super) fn dashes(index: usize) -> &'static str {
    ["none", "7 4", "2 3", "10 3 2 3", "4 2", "12 4"][index % KINDS]
}

pub(super) fn symbol(index: usize, (x, y): (f64, f64)) -> Markup {
    let r = 4.5;
    let path = match index % KINDS {
        0 => {
            let (x, y) = (round(x), round(y));
            return html! { circle class="p c0" cx=(x) cy=(y) r=(r) {} };
        }
        1 => polygon(x, y, &[(-r, -r), (r, -r), (r, r), (-r, r)]),
        2 => polygon(
            x,
            y,
            &[(0.0, -1.3 * r), (1.2 * r, 0.9 * r), (-1.2 * r, 0.9 * r)],
        ),
        3 => polygon(
            x,
            y,
            &[
                (0.0, -1.4 * r),
                (1.4 * r, 0.0),
                (0.0, 1.4 * r),
                (-1.4 * r, 0.0),
            ],
        ),
        4 => polygon(
            x,
            y,
            &[(0.0, 1.3 * r), (1.2 * r, -0.9 * r), (-1.2 * r, -0.9 * r)],
        ),
        _ => polygon(x, y, &[(-r, -1.5), (r, -1.5), (r, 1.5), (-r, 1.5)]),
    };
    html! { path class=(format!("p c{}", index % KINDS)) d=(path) {} }
}

fn polygon(x: f64, y: f64, corners: &[(f64, f64)]) -> String {
    let corners: Vec<String> = corners
        .iter()
        .map(|(dx, dy)| format!("{} {}", round(x + dx), round(y + dy)))
        .collect();
    format!("M{}Z", corners.join("L"))
}
