//! Drawing a chart as SVG.
//!
//! Colours are classes: on a page its style sheet gives them, for light and dark; a picture file
//! carries a style sheet of its own. Every series has a colour, a symbol and a dash pattern, so
//! that no two are told apart by colour alone.

use super::labels::labels;
use super::legend::{CHARACTER, Entry, Kind, LINE, MARK, lay_out, shortened};
use super::marks::{APART, dashes, marks, stroke, symbol};
use super::scale::{Fitted, Tick};
use super::{Chart, Mark, Medium, Place, Scale};
use maud::{Markup, PreEscaped, html};

const WIDTH: f64 = 420.0;
/// Height of the plot; of one with named rows, at least.
const PLOT: f64 = 235.0;

/// The style sheet of a picture file: Okabe and Ito's palette (2008), on white.
const FILE_STYLE: &str = "svg{background:#fff}text{font-size:13px;font-family:sans-serif;fill:#222}\
.b{stroke:#fff;stroke-width:3px;stroke-linejoin:round;paint-order:stroke}.g{stroke:#ddd}.a{stroke:#666}.r{stroke:#666}.l{fill:none;stroke-width:2}\
.c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#cc79a7}.c4{stroke:#e69f00}\
.c5{stroke:#56b4e9}.p.c0{fill:#0072b2}.p.c1{fill:#d55e00}.p.c2{fill:#009e73}.p.c3{fill:#cc79a7}\
.p.c4{fill:#e69f00}.p.c5{fill:#56b4e9}";

/// Where things lie.
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    x: Fitted,
    y: Fitted,
}

impl Frame {
    pub fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
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
    let frame = frame(chart, top);
    let height = frame.bottom + 48.0;
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
                @if reference.shown(chart) { (across(reference.place, index, &frame)) }
            }
            @for (index, series) in chart.series.iter().enumerate() {
                (marks(chart, series, index, &frame))
            }
            (labels(chart, &frame))
        }
    }
}

fn across(place: Place, index: usize, frame: &Frame) -> Markup {
    let ((x1, y1), (x2, y2)) = match place {
        Place::X(x) => {
            let (x, _) = frame.place((x, 0.0));
            ((x, frame.top), (x, frame.bottom))
        }
        Place::Y(y) => {
            let (_, y) = frame.place((0.0, y));
            ((frame.left, y), (frame.right, y))
        }
    };
    html! {
        line class="r" x1=(round(x1)) x2=(round(x2)) y1=(round(y1)) y2=(round(y2))
            stroke-width="1.5" stroke-dasharray=(dashes(index + 1)) {}
    }
}

fn frame(chart: &Chart, top: f64) -> Frame {
    let shown = |point: &(f64, f64)| chart.shows(*point);
    let all = chart.series.iter().flat_map(|series| {
        let ends = series.bars.iter().flat_map(|bar| [bar.from, bar.to]);
        series.points.iter().copied().chain(ends)
    });
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = all.filter(shown).unzip();
    let references = chart.references.iter();
    for reference in references.filter(|reference| reference.shown(chart)) {
        match reference.place {
            Place::X(x) => xs.push(x),
            Place::Y(y) => ys.push(y),
        }
    }
    let x = Fitted::new(&chart.x.scale, xs.into_iter(), 6);
    let y = Fitted::new(&chart.y.scale, ys.into_iter(), 6);
    let (height, character) = match &chart.y.scale {
        // A row holds a mark of every series, and a gap; its name may be all wide letters.
        Scale::Categories(names) => {
            let row = APART * chart.series.len() as f64 + 6.0;
            (PLOT.max(names.len() as f64 * row), 1.15 * CHARACTER)
        }
        _ => (PLOT, CHARACTER),
    };
    let length = |tick: &Tick| {
        let exponent = tick
            .exponent
            .as_ref()
            .map_or(0, |text| text.chars().count());
        tick.text.chars().count() + exponent
    };
    let widest = y.ticks.iter().map(length).max();
    Frame {
        left: 12.0 + character * widest.unwrap_or(0) as f64,
        top,
        right: WIDTH - 14.0,
        bottom: top + height,
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

/// Tenths are enough, and keep the file small.
pub(super) fn round(value: f64) -> f64 {
    (10.0 * value).round() / 10.0
}
