//! Type, and texts that fit.

use super::error::PictureError;
use epaint_default_fonts::UBUNTU_LIGHT;
use plotters::prelude::*;
use plotters::style::register_font;

/// Room at the edge of a drawing.
pub(super) const MARGIN: i32 = 8;

/// The type of all texts.
pub(super) const FONT: (&str, f64) = ("sans-serif", 64.0);

/// Width of a text, with some room: a page may be shown in another type than the one measured.
pub(super) fn width(text: &str) -> Result<i32, PictureError> {
    // As often as wished; the same again changes nothing.
    register_font(FONT.0, FontStyle::Normal, UBUNTU_LIGHT)
        .map_err(|_| PictureError::new("the type cannot be read"))?;
    let (width, _) = FONT.into_font().box_size(text).map_err(PictureError::new)?;
    Ok((1.08 * f64::from(width)) as i32)
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
