//! How marks look.
//!
//! Every series has a colour, a symbol and a dash pattern, so that no two are told apart by colour
//! alone.

use super::{Chart, Mark, Series};
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

/// Okabe and Ito's palette (2008), which the colour-blind can tell apart.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const AXIS: RGBColor = RGBColor(0x66, 0x66, 0x66);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// Lengths of dashes and of the gaps between them.
const DASHES: [(i32, i32); 6] = [(1, 0), (28, 16), (8, 12), (48, 12), (16, 8), (30, 30)];

/// Corners of symbols, in radii; the first is a circle.
const SYMBOLS: [&[(f64, f64)]; 8] = [
    &[],
    &[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
    &[(0.0, -1.3), (1.2, 0.9), (-1.2, 0.9)],
    &[(0.0, -1.4), (1.4, 0.0), (0.0, 1.4), (-1.4, 0.0)],
    &[(0.0, 1.3), (1.2, -0.9), (-1.2, -0.9)],
    &[(-1.3, -0.4), (1.3, -0.4), (1.3, 0.4), (-1.3, 0.4)],
    &[(-0.4, -1.3), (0.4, -1.3), (0.4, 1.3), (-0.4, 1.3)],
    &[(1.3, 0.0), (-0.9, 1.2), (-0.9, -1.2)],
];
const RADIUS: f64 = 18.0;

/// What is drawn on; places are in pixels from its upper left corner.
pub(super) type Area<DB> = DrawingArea<DB, Shift>;
pub(super) type Place = (i32, i32);
pub(super) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// How a series, a point or a reference looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    colour: RGBColor,
    /// Index of the symbol, if there is one.
    symbol: Option<usize>,
    /// Index of the dashes, if there is a line.
    dashes: Option<usize>,
}

/// A series as it is drawn.
pub(super) struct Marks<'c> {
    pub series: &'c Series,
    pub look: Look,
    /// The points that can be shown, each with its look and its name.
    pub points: Vec<((f64, f64), Look, Option<&'c str>)>,
}

/// All series of a chart.
pub(super) fn marks(chart: &Chart) -> Vec<Marks<'_>> {
    let mut symbols = 0..;
    let series = chart.series.iter().enumerate().map(|(index, series)| {
        let names = series.labels.iter().map(|name| Some(name.as_str()));
        let names = names.chain(std::iter::repeat(None));
        let points = series.points.iter().copied().zip(names);
        let shown: Vec<_> = points.filter(|(point, _)| chart.shows(*point)).collect();
        // A line through one point is none.
        let symbol = series.mark != Mark::Line || shown.len() == 1;
        let look = Look {
            colour: COLOURS[index % COLOURS.len()],
            symbol: symbol.then_some(index),
            dashes: (series.mark != Mark::Points).then_some(index),
        };
        let points = shown.into_iter().map(|(point, name)| {
            let symbol = name.map_or(look.symbol, |_| symbols.next());
            (point, Look { symbol, ..look }, name)
        });
        Marks {
            series,
            look,
            points: points.collect(),
        }
    });
    series.collect()
}

impl Look {
    pub fn of_reference(index: usize) -> Self {
        Look {
            colour: AXIS,
            symbol: None,
            dashes: Some(index + 1),
        }
    }

    /// The line through these places, if it has one.
    pub fn line<DB: DrawingBackend>(self, area: &Area<DB>, places: &[Place]) -> Drawn<DB> {
        let Some(index) = self.dashes else {
            return Ok(());
        };
        let style = self.colour.stroke_width(7);
        match DASHES[index % DASHES.len()] {
            (_, 0) => area.draw(&PathElement::new(places, style)),
            (dash, gap) => area.draw(&DashedPathElement::new(places.to_vec(), dash, gap, style)),
        }
    }

    /// The symbol at this place, if it has one.
    pub fn symbol<DB: DrawingBackend>(self, area: &Area<DB>, (x, y): Place) -> Drawn<DB> {
        let Some(index) = self.symbol else {
            return Ok(());
        };
        let corners = SYMBOLS[index % SYMBOLS.len()];
        let shape = |radius: f64, colour: RGBColor| {
            let scaled = |offset: f64| (radius * offset).round() as i32;
            let corner = |&(dx, dy): &(f64, f64)| (x + scaled(dx), y + scaled(dy));
            let corners: Vec<Place> = corners.iter().map(corner).collect();
            match corners.is_empty() {
                true => area.draw(&Circle::new((x, y), scaled(1.0), colour.filled())),
                false => area.draw(&Polygon::new(corners, colour.filled())),
            }
        };
        shape(RADIUS, self.colour)?;
        // After the last symbol they begin anew, hollow.
        match index / SYMBOLS.len() % 2 {
            0 => Ok(()),
            _ => shape(0.55 * RADIUS, PAPER),
        }
    }

    /// An error bar.
    pub fn bar<DB: DrawingBackend>(self, area: &Area<DB>, ends: [Place; 2]) -> Drawn<DB> {
        area.draw(&PathElement::new(
            ends,
            self.colour.mix(0.65).stroke_width(6),
        ))
    }
}
