//! Picture files of pixels.

use epaint_default_fonts::UBUNTU_LIGHT;
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// Why a chart could not be turned into pixels.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn in pixels: {reason}")]
pub struct PictureError {
    reason: String,
}

/// The PNG file of an SVG picture, in its own size, with type that this program brings along: it
/// looks the same on every machine.
///
/// # Errors
/// Text that is no SVG picture, or one that is too large.
pub fn png_of(svg: &str) -> Result<Vec<u8>, PictureError> {
    let failed = |reason: String| PictureError { reason };
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(UBUNTU_LIGHT)));
    let family = fonts.faces().next();
    let family = family.and_then(|face| face.families.first().map(|(name, _)| name.clone()));
    let family = family.unwrap_or_default();
    fonts.set_sans_serif_family(&family);
    let options = usvg::Options {
        font_family: family,
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let size = tree.size().to_int_size();
    let pixels = tiny_skia::Pixmap::new(size.width(), size.height());
    let mut pixels = pixels.ok_or_else(|| failed("it has no size".to_owned()))?;
    resvg::render(
        &tree,
        tiny_skia::Transform::identity(),
        &mut pixels.as_mut(),
    );
    pixels
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}
