//! What everybody is promised today, as a picture. The table beside it says the same.

use crate::promises::Promise;
use maud::{Markup, html};
use rescind::certificate::upward;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 12.0;

/// ε today of every answer, oldest left, and the promise of the policy. None where nothing is promised
/// yet.
pub(super) fn promises(promises: &[Promise], policy: Option<f64>) -> Option<Markup> {
    let points: Vec<(u64, f64)> = promises
        .iter()
        .filter_map(|promise| Some((promise.answer?, promise.epsilon?)))
        .collect();
    let (first, last) = (points.first()?.0, points.last()?.0);
    let most = points
        .iter()
        .map(|point| point.1)
        .chain(policy)
        .fold(0.0, f64::max)
        * 1.1;
    let across = (last - first).max(1) as f64;
    let x = |answer: u64| LEFT + (answer - first) as f64 / across * (WIDTH - LEFT - 12.0);
    let y = |epsilon: f64| TOP + (1.0 - epsilon / most) * (HEIGHT - TOP - BOTTOM);
    let line: Vec<String> = points
        .iter()
        .map(|(answer, epsilon)| format!("{:.1},{:.1}", x(*answer), y(*epsilon)))
        .collect();
    let label = format!(
        "Epsilon today, from {} for answer {first} to {} for answer {last}",
        upward(points.first()?.1),
        upward(points.last()?.1)
    );
    Some(html! {
        svg class="chart" role="img" aria-label=(label) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
            line class="axis" x1=(LEFT) y1=(HEIGHT - BOTTOM) x2=(WIDTH) y2=(HEIGHT - BOTTOM) {}
            line class="axis" x1=(LEFT) y1=(TOP) x2=(LEFT) y2=(HEIGHT - BOTTOM) {}
            @for share in [0.0, 0.5, 1.0] {
                text x=(LEFT - 6.0) y=(y(most * share) + 4.0) text-anchor="end" { (format!("{:.2}", most * share)) }
            }
            @if let Some(policy) = policy {
                line class="bound" x1=(LEFT) y1=(y(policy)) x2=(WIDTH) y2=(y(policy)) {}
                text x=(WIDTH - 4.0) y=(y(policy) - 4.0) text-anchor="end" { "the policy's promise" }
            }
            @if points.len() > 1 { polyline points=(line.join(" ")) {} }
            @for (answer, epsilon) in points.iter().take(200) {
                circle cx=(format!("{:.1}", x(*answer))) cy=(format!("{:.1}", y(*epsilon))) r="3" {}
            }
            text x=(LEFT) y=(HEIGHT - 8.0) { "answer " (first) }
            @if last > first { text x=(WIDTH - 4.0) y=(HEIGHT - 8.0) text-anchor="end" { (last) } }
        }
    })
}
