//! Charts as data, and how they are drawn.

mod draw;
mod error;
mod files;
mod legend;
mod lettering;
mod look;
mod scale;

pub use error::PictureError;

/// A chart: marks over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, in the order of the legend.
    pub series: Vec<Series>,
    /// Straight lines to compare with.
    pub references: Vec<Reference>,
}

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    /// How numbers become places.
    pub scale: Scale,
}

/// How numbers become places.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// In whole numbers.
    Counts,
    /// By the logarithm; numbers that are not above 0 are not drawn.
    Log,
    /// Named rows: the number is the row's index from 0, from top to bottom.
    Categories(Vec<String>),
}

/// Marks of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Where the marks are; numbers that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// How they look.
    pub mark: Mark,
    /// Error bars. One that reaches below a logarithmic axis ends where the axis does; one whose
    /// ends are not finite is left out.
    pub bars: Vec<Bar>,
    /// Names of the points, the first of the first. Each named point has a symbol of its own, and the
    /// legend lists them under the series.
    pub labels: Vec<String>,
}

/// An error bar: a line from one place to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Where it begins.
    pub from: (f64, f64),
    /// Where it ends.
    pub to: (f64, f64),
}

/// How the points of a series are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A symbol at each.
    Points,
    /// A line through all.
    Line,
    /// Both.
    LineAndPoints,
}

/// A line across the chart, with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its name in the legend.
    pub name: String,
    /// Where it lies.
    pub place: Place,
}

/// Where a line across the chart lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Upright, at this number of the horizontal axis.
    X(f64),
    /// Level, at this number of the vertical axis.
    Y(f64),
}

impl Axis {
    /// An axis.
    pub fn new(label: &str, scale: Scale) -> Self {
        Axis {
            label: label.to_owned(),
            scale,
        }
    }
}

impl Series {
    /// Marks without error bars and without names of their own.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>, mark: Mark) -> Self {
        Series {
            name: name.into(),
            points,
            mark,
            bars: Vec::new(),
            labels: Vec::new(),
        }
    }
}

impl Chart {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| {
            let drawn = series.points.iter().filter(|point| self.shows(**point));
            drawn.count() == 0
        })
    }

    fn shows(&self, (x, y): (f64, f64)) -> bool {
        self.x.scale.takes(x) && self.y.scale.takes(y)
    }
}

impl Bar {
    fn is_finite(&self) -> bool {
        let numbers = [self.from.0, self.from.1, self.to.0, self.to.1];
        numbers.iter().all(|number| number.is_finite())
    }
}

impl Reference {
    /// Whether the chart's axes take it.
    fn shown(&self, chart: &Chart) -> bool {
        match self.place {
            Place::X(x) => chart.x.scale.takes(x),
            Place::Y(y) => chart.y.scale.takes(y),
        }
    }
}

impl Scale {
    fn takes(&self, value: f64) -> bool {
        value.is_finite() && (*self != Scale::Log || value > 0.0)
    }
}
