//! Drawing a chart.

use super::error::PictureError;
use super::legend::Legend;
use super::lettering::{FONT, MARGIN, shortened, width};
use super::look::{AXIS, Area, Drawn, GRID, INK, Look, Marks, PAPER, Place as Pixel, marks};
use super::scale::Fitted;
use super::{Chart, Place, Scale};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width of a drawing; it is shown at half its size or less, and fine enough for that.
pub(super) const WIDTH: i32 = 1680;
/// Height of the part with the marks; with named rows, at least.
const PLOT: i32 = 940;
/// Distance between marks of two series in one named row.
const APART: i32 = 40;
/// Height below the marks, for the numbers and the label.
const BELOW: i32 = 170;
const RIGHT: i32 = 56;
const TICK: i32 = 12;

/// A chart, and where its parts lie.
pub(super) struct Drawing<'c> {
    chart: &'c Chart,
    marks: Vec<Marks<'c>>,
    legend: Legend,
    x: Fitted,
    y: Fitted,
    /// Left and upper end of the part with the marks, and its height.
    left: i32,
    top: i32,
    plot: i32,
}

impl<'c> Drawing<'c> {
    pub fn new(chart: &'c Chart) -> Result<Self, PictureError> {
        let marks = marks(chart);
        let legend = Legend::new(&marks, &chart.references, WIDTH)?;
        let (x, y) = axes(chart);
        let widths = y.texts().map(|text| width(&text));
        let left = widths.collect::<Result<Vec<i32>, _>>()?;
        let (above, plot) = match &chart.y.scale {
            // A row holds a mark of every series, and a gap.
            Scale::Categories(rows) => {
                let row = APART as usize * marks.len() + 24;
                (24, PLOT.max((rows.len() * row) as i32))
            }
            _ => (100, PLOT),
        };
        Ok(Drawing {
            chart,
            x,
            y,
            left: left.into_iter().max().unwrap_or(0) + 2 * TICK + 8,
            top: legend.height + above,
            plot,
            marks,
            legend,
        })
    }

    pub fn height(&self) -> i32 {
        self.top + self.plot + BELOW
    }

    /// Draws it, with texts this much lower than they are asked for.
    pub fn draw<DB: DrawingBackend>(self, area: &Area<DB>, lower: i32) -> Drawn<DB> {
        area.fill(&PAPER)?;
        self.legend.draw(area, lower)?;
        let style = TextStyle::from(FONT.into_font()).color(&INK);
        let rows = matches!(self.chart.y.scale, Scale::Categories(_));
        if !rows {
            // Above the axis and not beside it: no neck has to turn.
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            let label = shortened(&self.chart.y.label, 64);
            area.draw_text(&label, &style, (MARGIN, self.top - 52 + lower))?;
        }
        let mut context = ChartBuilder::on(area)
            .margin_top(self.top)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, self.left)
            .set_label_area_size(LabelAreaPosition::Bottom, BELOW)
            .build_cartesian_2d(self.x, self.y)?;
        context
            .configure_mesh()
            .label_style(style)
            .y_label_offset(lower)
            .axis_style(AXIS.stroke_width(4))
            .bold_line_style(GRID.stroke_width(4))
            .set_all_tick_mark_size(TICK)
            .x_desc(shortened(&self.chart.x.label, 60))
            .draw()?;
        let place = |point: (f64, f64)| context.backend_coord(&point);
        let ((left, right), (top, bottom)) = {
            let (x, y) = context.plotting_area().get_pixel_range();
            ((x.start, x.end), (y.start, y.end))
        };
        for (index, reference) in self.chart.references.iter().enumerate() {
            let look = Look::of_reference(index);
            let ends = match reference.place {
                _ if !reference.shown(self.chart) => continue,
                Place::X(x) => [place((x, 0.0)).0; 2].into_iter().zip([top, bottom]),
                Place::Y(y) => [left, right].into_iter().zip([place((0.0, y)).1; 2]),
            };
            look.line(area, &ends.collect::<Vec<Pixel>>())?;
        }
        for (index, marks) in self.marks.iter().enumerate() {
            // Marks of several series in one row must not hide each other.
            let shift = match rows {
                true => APART * (2 * index as i32 + 1 - self.marks.len() as i32) / 2,
                false => 0,
            };
            let place = |point: (f64, f64)| -> Pixel {
                let (x, y) = place(point);
                (x, y + shift)
            };
            for bar in marks.series.bars.iter().filter(|bar| bar.is_finite()) {
                marks.look.bar(area, [place(bar.from), place(bar.to)])?;
            }
            let places: Vec<Pixel> = marks.points.iter().map(|point| place(point.0)).collect();
            marks.look.line(area, &places)?;
            for ((_, look, _), place) in marks.points.iter().zip(places) {
                look.symbol(area, place)?;
            }
        }
        area.present()
    }
}

/// Axes that hold all that is shown.
fn axes(chart: &Chart) -> (Fitted, Fitted) {
    let all = chart.series.iter().flat_map(|series| {
        let ends = series.bars.iter().flat_map(|bar| [bar.from, bar.to]);
        series.points.iter().copied().chain(ends)
    });
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = all.filter(|point| chart.shows(*point)).unzip();
    let references = chart.references.iter();
    for reference in references.filter(|reference| reference.shown(chart)) {
        match reference.place {
            Place::X(x) => xs.push(x),
            Place::Y(y) => ys.push(y),
        }
    }
    let x = Fitted::new(&chart.x.scale, xs.into_iter());
    (x, Fitted::new(&chart.y.scale, ys.into_iter()))
}
