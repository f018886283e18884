//! Which mark is whose.

use super::{Chart, Mark};

/// Width of a line.
const WIDTH: f64 = 416.0;
/// Average width of a character at the chart's type size, a little on the wide side.
pub(super) const CHARACTER: f64 = 6.7;
/// Height of a line.
pub(super) const LINE: f64 = 18.0;
/// Width of a mark and the gap after it.
pub(super) const MARK: f64 = 24.0;

/// An entry and its place.
pub(super) struct Entry {
    pub name: String,
    pub kind: Kind,
    pub x: f64,
    pub line: usize,
}

/// What an entry explains.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Series(usize, Mark),
    Reference(usize),
}

/// Lays the legend out in lines; a chart with a single series and nothing to compare needs none.
pub(super) fn lay_out(chart: &Chart) -> Vec<Entry> {
    let (series, references) = (&chart.series, &chart.references);
    if series.len() + references.len() < 2 {
        return Vec::new();
    }
    let names = series.iter().enumerate();
    let names = names.map(|(i, series)| (series.name.clone(), Kind::Series(i, series.mark)));
    let others = references.iter().enumerate();
    let others = others.map(|(i, reference)| (reference.name.clone(), Kind::Reference(i)));
    let (mut x, mut line) = (0.0, 0);
    let mut entries = Vec::new();
    for (name, kind) in names.chain(others) {
        let name = shortened(&name, 54);
        let width = MARK + CHARACTER * name.chars().count() as f64 + 14.0;
        if x > 0.0 && x + width > WIDTH {
            (x, line) = (0.0, line + 1);
        }
        entries.push(Entry {
            name,
            kind,
            x,
            line,
        });
        x += width;
    }
    entries
}

/// The text, or its beginning if it has more characters than `most`; without characters that a
/// picture file cannot hold.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let clean = text.chars().map(|c| match c.is_control() {
        true => '\u{fffd}',
        false => c,
    });
    match text.chars().count() > most {
        true => clean.take(most - 1).chain(['\u{2026}']).collect(),
        false => clean.collect(),
    }
}
