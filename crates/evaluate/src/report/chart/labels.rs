//! What is written beside points, each where it hides nothing.

use super::Chart;
use super::draw::{Frame, round};
use super::legend::shortened;
use super::marks::places;
use maud::{Markup, html};

/// Type size, and the width of a character and the height of a line in it.
const SIZE: f64 = 11.0;
const CHARACTER: f64 = 6.3;
const HEIGHT: f64 = 12.0;
/// Half the width of a mark.
const MARK: f64 = 6.0;
/// What a step further from the mark counts for, against a square pixel hidden.
const STEP: f64 = 12.0;
/// From this distance on, a line leads from the mark to what is written.
const LEAD: f64 = 12.0;

/// A rectangle by its corners.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Area {
    fn around((x, y): (f64, f64), width: f64, height: f64) -> Self {
        Area {
            left: x - width / 2.0,
            top: y - height / 2.0,
            right: x + width / 2.0,
            bottom: y + height / 2.0,
        }
    }

    /// A line, with a little room around it.
    fn along(from: (f64, f64), to: (f64, f64)) -> Self {
        Area {
            left: from.0.min(to.0) - 1.5,
            top: from.1.min(to.1) - 1.5,
            right: from.0.max(to.0) + 1.5,
            bottom: from.1.max(to.1) + 1.5,
        }
    }

    /// How much of it the other one hides.
    fn hidden_by(&self, other: &Area) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// How much of it lies outside the other one.
    fn outside(&self, other: &Area) -> f64 {
        (self.right - self.left) * (self.bottom - self.top) - self.hidden_by(other)
    }
}

/// What must not be hidden.
struct Taken {
    /// Marks and other labels, which cannot be read once something lies on them.
    whole: Vec<Area>,
    /// Error bars, which are seen where they go on.
    thin: Vec<Area>,
}

impl Taken {
    fn hidden(&self, by: &Area) -> f64 {
        let of = |areas: &[Area]| areas.iter().map(|area| by.hidden_by(area)).sum::<f64>();
        30.0 * of(&self.whole) + of(&self.thin)
    }
}

/// All labels of a chart.
pub(super) fn labels(chart: &Chart, frame: &Frame) -> Markup {
    let mut wanted: Vec<((f64, f64), String)> = Vec::new();
    for (index, series) in chart.series.iter().enumerate() {
        if series.labels.is_empty() {
            continue;
        }
        let points = series.points.iter().zip(&series.labels);
        let shown = points.filter(|(point, _)| chart.shows(**point));
        let names = shown.map(|(_, name)| shortened(name, 24));
        wanted.extend(places(chart, series, index, frame).into_iter().zip(names));
    }
    let marks = wanted.iter();
    let marks = marks.map(|(at, _)| Area::around(*at, 2.0 * MARK, 2.0 * MARK));
    let bars = chart.series.iter().flat_map(|series| &series.bars);
    let bars = bars.filter(|bar| bar.is_finite());
    let bars = bars.map(|bar| Area::along(frame.place(bar.from), frame.place(bar.to)));
    let mut taken = Taken {
        whole: marks.collect(),
        thin: bars.collect(),
    };
    let frame = Area {
        left: frame.left,
        top: frame.top,
        right: frame.right,
        bottom: frame.bottom,
    };
    // From left to right, so that the order of the series does not matter.
    wanted.sort_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let labels = wanted.into_iter().map(|(at, name)| {
        let area = place(at, &name, &taken, &frame);
        taken.whole.push(area);
        label(at, &name, area)
    });
    html! {
        @for label in labels { (label) }
    }
}

/// Near the mark, where little is hidden.
fn place(at: (f64, f64), name: &str, taken: &Taken, frame: &Area) -> Area {
    let width = CHARACTER * name.chars().count() as f64;
    let mut best = (f64::INFINITY, Area::around(at, width, HEIGHT));
    for ring in 0..8 {
        let ring = f64::from(ring);
        let gap = MARK + 1.0 + 8.0 * ring;
        let (beside, above) = (gap + width / 2.0, gap + HEIGHT / 2.0);
        let near = MARK + width / 2.0;
        let directions = [
            (beside, 0.0),
            (-beside, 0.0),
            (0.0, -above),
            (0.0, above),
            (near, -above),
            (near, above),
            (-near, -above),
            (-near, above),
        ];
        for (dx, dy) in directions {
            let area = Area::around((at.0 + dx, at.1 + dy), width, HEIGHT);
            let cost = taken.hidden(&area) + 4.0 * area.outside(frame) + STEP * ring;
            if cost < best.0 {
                best = (cost, area);
            }
        }
    }
    best.1
}

fn label((x, y): (f64, f64), name: &str, area: Area) -> Markup {
    let nearest = (
        x.clamp(area.left, area.right),
        y.clamp(area.top, area.bottom),
    );
    let far = (nearest.0 - x).hypot(nearest.1 - y) > LEAD;
    html! {
        @if far {
            line class="a" x1=(round(x)) y1=(round(y)) x2=(round(nearest.0)) y2=(round(nearest.1)) {}
        }
        text class="b" x=(round((area.left + area.right) / 2.0)) y=(round(area.bottom - 2.5))
            text-anchor="middle" style=(format!("font-size:{SIZE}px")) { (name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_hides_a_mark_or_other_writing() {
        let frame = Area {
            left: 0.0,
            top: 0.0,
            right: 380.0,
            bottom: 235.0,
        };
        // Eleven points as close to each other as marks can be told apart, some at the frame's edges.
        let points: Vec<(f64, f64)> = (0..11)
            .map(|i| (6.0 + 36.0 * f64::from(i), 110.0 + 7.0 * f64::from(i % 3)))
            .collect();
        let marks = points.iter();
        let mut taken = Taken {
            whole: marks
                .map(|at| Area::around(*at, 2.0 * MARK, 2.0 * MARK))
                .collect(),
            thin: Vec::new(),
        };
        for at in points {
            let area = place(at, "newton-released", &taken, &frame);
            let hidden = taken.whole.iter().map(|other| area.hidden_by(other));
            assert!(
                hidden.sum::<f64>() < 1.0 && area.outside(&frame) < 1.0,
                "{area:?}"
            );
            taken.whole.push(area);
        }
    }
}
