//! PNG files.

use png::{BitDepth, ColorType, Encoder, EncodingError};
use rescind::mark::MARK;

/// The PNG file of `pixels`, row by row, a byte for each channel, of which there are one (grey) or
/// three (red, green, blue); their number, then height and width, is `shape`.
pub(super) fn encoded(
    pixels: &[u8],
    (channels, height, width): (usize, usize, usize),
) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_color(match channels {
        1 => ColorType::Grayscale,
        _ => ColorType::Rgb,
    });
    encoder.add_text_chunk("Software".to_owned(), MARK.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}
