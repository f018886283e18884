//! Charts as pictures.

use super::Chart;
use super::draw::{Drawing, WIDTH};
use super::error::PictureError;
use super::lettering::shortened;
use crate::report::png;
use maud::{PreEscaped, html};
use plotters::prelude::*;
use rescind::mark::MARK;

/// How far above their place texts would stand in pixels.
const LOWER: i32 = 10;

impl Chart {
    /// The chart as an SVG picture in light colours, with a title that is read out to those who do
    /// not see it.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn to_svg(&self, title: &str) -> Result<String, PictureError> {
        let drawing = Drawing::new(self)?;
        let height = drawing.height();
        let mut drawn = String::new();
        let area = SVGBackend::with_string(&mut drawn, (WIDTH as u32, height as u32));
        let area = area.into_drawing_area();
        drawing.draw(&area, 0).map_err(PictureError::new)?;
        drop(area);
        // What lies between the outer tags, which say nothing of the title.
        let marks = drawn.split_once('>').map_or("", |(_, rest)| rest);
        let title = shortened(title, 200);
        let picture = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}"))
                width=(WIDTH / 2) role="img" aria-label=(title) class="chart" {
                title { (title) }
                metadata { (MARK) }
                (PreEscaped(marks.trim_end().trim_end_matches("</svg>")))
            }
        };
        Ok(picture.into_string())
    }

    /// The chart as a PNG file, with type that this program brings along: it looks the same on every
    /// machine.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn to_png(&self) -> Result<Vec<u8>, PictureError> {
        let drawing = Drawing::new(self)?;
        let (wide, high) = (WIDTH as usize, drawing.height() as usize & !1);
        let mut fine = vec![0; 3 * wide * (high + 1)];
        let size = (wide as u32, high as u32 + 1);
        let area = BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
        drawing.draw(&area, LOWER).map_err(PictureError::new)?;
        drop(area);
        // Drawn at twice its size, so that means of four pixels make edges smooth.
        let mean = |index: usize| {
            let (row, rest) = (index / (3 * wide / 2), index % (3 * wide / 2));
            let at = 6 * wide * row + 6 * (rest / 3) + rest % 3;
            let four = [at, at + 3, at + 3 * wide, at + 3 * wide + 3];
            (four.map(|at| u32::from(fine[at])).iter().sum::<u32>() / 4) as u8
        };
        let pixels: Vec<u8> = (0..3 * wide * high / 4).map(mean).collect();
        png::encoded(&pixels, (3, high / 2, wide / 2)).map_err(PictureError::new)
    }
}
