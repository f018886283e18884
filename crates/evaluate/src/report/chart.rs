//! Charts as data, and how they are drawn.

mod draw;
mod legend;
mod png;
mod scale;

pub use png::{PictureError, png_of};

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

/// A horizontal line with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its name in the legend.
    pub name: String,
    /// Where it lies.
    pub y: f64,
}

/// Who reads the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A page, whose style sheet gives the colours.
    Page,
    /// A file of its own, which brings light colours along.
    File,
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

impl Chart {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| {
            let drawn = series.points.iter().filter(|point| self.shows(**point));
            drawn.count() == 0
        })
    }

    /// The chart as a picture file (SVG), in light colours.
    pub fn to_svg(&self, title: &str) -> String {
        draw::svg(self, title, Medium::File).into_string()
    }

    fn shows(&self, (x, y): (f64, f64)) -> bool {
        self.x.scale.takes(x) && self.y.scale.takes(y)
    }
}

impl Scale {
    fn takes(&self, value: f64) -> bool {
        value.is_finite() && (*self != Scale::Log || value > 0.0)
    }
}

pub(super) use draw::svg;
