//! Drawing a chart as SVG.
//!
//! Colours are classes: on a page its style sheet gives them, for light and dark; a picture file
//! carries a style sheet of its own. Every series has a colour, a symbol and a dash pattern, so
//! that no two are told apart by colour alone.

use super::legend::{CHARACTER, Entry, Kind, LINE, MARK, lay_out, shortened};
use super::scale::{Fitted, Tick};
use super::{Chart, Mark, Medium, Scale, Series};
use maud::{Markup, PreEscaped, html};

const WIDTH: f64 = 420.0;
const PLOT: f64 = 235.0;
/// Series that can be told apart.
const KINDS: usize = 6;

/// The style sheet of a picture file: Okabe and Ito's palette (2008), on white.
const FILE_STYLE: &str = "svg{background:#fff}text{font-size:13px;font-family:sans-serif;fill:#222}\
.g{stroke:#ddd}.a{stroke:#666}.r{stroke:#666}.l{fill:none;stroke-width:2}\
.c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#cc79a7}.c4{stroke:#e69f00}\
.c5{stroke:#56b4e9}.p.c0{fill:#0072b2}.p.c1{fill:#d55e00}.p.c2{fill:#009e73}.p.c3{fill:#cc79a7}\
.p.c4{fill:#e69f00}.p.c5{fill:#56b4e9}";

/// Where things lie.
struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    x: Fitted,
    y: Fitted,
}

impl Frame {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            self.left + (self.right - self.left) * self.x.place(x),
            self.bottom - (self.bottom - self.top) * self.y.place(y),
        )
    }
}

/// The chart; `title` is read out to those who do not see it.
pub(in crate::report) fn svg(chart: &Chart, title: &str, medium: Medium) -> Markup {
    let legend = lay_out(chart);
    let lines = legend.last().map_or(0, |entry| entry.line + 1);
    let top = 26.0 + LINE * lines as f64;
    let height = top + PLOT + 48.0;
    let frame = frame(chart, top);
    let title = shortened(title, 200);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}"))
            width=[(medium == Medium::File).then_some(2.0 * WIDTH)] role="img"
            aria-label=(title) class="chart" {
            title { (title) }
            @if medium == Medium::File { style { (PreEscaped(FILE_STYLE)) } }
            @if medium == Medium::File {
                rect width=(WIDTH) height=(height) fill="#fff" {}
            }
            (key(&legend))
            (axes(chart, &frame))
            @for (index, reference) in chart.references.iter().enumerate() {
                @if chart.y.scale.takes(reference.y) {
                    @let (_, y) = frame.place((0.0, reference.y));
                    line class="r" x1=(round(frame.left)) x2=(round(frame.right)) y1=(round(y))
                        y2=(round(y)) stroke-width="1.5" stroke-dasharray=(dashes(index + 1)) {}
                }
            }
            @for (index, series) in chart.series.iter().enumerate() {
                (marks(chart, series, index, &frame))
            }
        }
    }
}

fn frame(chart: &Chart, top: f64) -> Frame {
    let points = || {
        let points = chart.series.iter().flat_map(|series| &series.points);
        points.copied().filter(|point| chart.shows(*point))
    };
    let references = chart.references.iter().map(|reference| reference.y);
    let references = references.filter(|y| chart.y.scale.takes(*y));
    let x = Fitted::new(&chart.x.scale, points().map(|(x, _)| x), 6);
    let y = Fitted::new(
        &chart.y.scale,
        points().map(|(_, y)| y).chain(references),
        6,
    );
    let length = |tick: &Tick| {
        let exponent = tick
            .exponent
            .as_ref()
            .map_or(0, |text| text.chars().count());
        tick.text.chars().count() + exponent
    };
    let widest = y.ticks.iter().map(length).max();
    Frame {
        left: 12.0 + CHARACTER * widest.unwrap_or(0).min(24) as f64,
        top,
        right: WIDTH - 14.0,
        bottom: top + PLOT,
        x,
        y,
    }
}

fn axes(chart: &Chart, frame: &Frame) -> Markup {
    let (left, right) = (round(frame.left), round(frame.right));
    let (top, bottom) = (round(frame.top), round(frame.bottom));
    html! {
        @for tick in &frame.y.ticks {
            @let y = round(frame.bottom - (frame.bottom - frame.top) * tick.place);
            line class="g" x1=(left) x2=(right) y1=(y) y2=(y) {}
            text x=(round(frame.left - 6.0)) y=(round(y + 4.5)) text-anchor="end" {
                (label(tick))
            }
        }
        @for tick in &frame.x.ticks {
            @let x = round(frame.left + (frame.right - frame.left) * tick.place);
            line class="g" x1=(x) x2=(x) y1=(top) y2=(bottom) {}
            text x=(x) y=(round(frame.bottom + 17.0)) text-anchor="middle" { (label(tick)) }
        }
        line class="a" x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
        line class="a" x1=(left) x2=(left) y1=(top) y2=(bottom) {}
        text x=(round((frame.left + frame.right) / 2.0)) y=(round(frame.bottom + 38.0))
            text-anchor="middle" { (shortened(&chart.x.label, 60)) }
        // Above the axis and not beside it: no neck has to turn.
        @if !matches!(chart.y.scale, Scale::Categories(_)) {
            text x="2" y=(round(frame.top - 9.0)) { (shortened(&chart.y.label, 64)) }
        }
    }
}

fn label(tick: &Tick) -> Markup {
    html! {
        (shortened(&tick.text, 24))
        @if let Some(exponent) = &tick.exponent {
            tspan dy="-5" font-size="10" { (exponent) }
        }
    }
}

fn key(legend: &[Entry]) -> Markup {
    html! {
        @for entry in legend {
            @let (x, y) = (entry.x + 4.0, LINE * entry.line as f64 + 9.0);
            @match entry.kind {
                Kind::Series(index, mark) => {
                    @if mark != Mark::Points { (stroke(index, &[(x, y), (x + 16.0, y)])) }
                    @if mark != Mark::Line { (symbol(index, (x + 8.0, y))) }
                }
                Kind::Reference(index) => {
                    line class="r" x1=(x) x2=(x + 16.0) y1=(y) y2=(y) stroke-width="1.5"
                        stroke-dasharray=(dashes(index + 1)) {}
                }
            }
            text x=(round(entry.x + MARK)) y=(round(y + 4.5)) { (entry.name) }
        }
    }
}

fn marks(chart: &Chart, series: &Series, index: usize, frame: &Frame) -> Markup {
    let shown = series.points.iter().filter(|point| chart.shows(**point));
    let mut places: Vec<(f64, f64)> = shown.map(|point| frame.place(*point)).collect();
    if matches!(chart.y.scale, Scale::Categories(_)) {
        // Marks of several series in one row must not hide each other.
        let middle = (chart.series.len() as f64 - 1.0) / 2.0;
        places
            .iter_mut()
            .for_each(|(_, y)| *y += 10.0 * (index as f64 - middle));
    }
    // A line through one point is none.
    let points = series.mark != Mark::Line || places.len() == 1;
    html! {
        @if series.mark != Mark::Points && places.len() > 1 { (stroke(index, &places)) }
        @if points {
            @for place in places { (symbol(index, place)) }
        }
    }
}

fn stroke(index: usize, places: &[(f64, f64)]) -> Markup {
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{},{}", round(*x), round(*y)))
        .collect();
    html! {
        polyline class=(format!("l c{}", index % KINDS)) points=(points.join(" "))
            stroke-dasharray=(dashes(index)) {}
    }
}

/// Every series has its own, and repeats only after all combinations with colours.
fn dashes(index: usize) -> &'static str {
    ["none", "7 4", "2 3", "10 3 2 3", "4 2", "12 4"][index % KINDS]
}

fn symbol(index: usize, (x, y): (f64, f64)) -> Markup {
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

/// Tenths are enough, and keep the file small.
fn round(value: f64) -> f64 {
    (10.0 * value).round() / 10.0
}
