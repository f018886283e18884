//! JPEG files, of which half is no picture.

use std::error::Error;
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

pub(super) type Decoder<'f> = JpegDecoder<Cursor<&'f [u8]>>;

/// A decoder whose header was read. What is damaged is an error, where viewers go on with grey.
pub(super) fn decoder(file: &[u8]) -> Result<Decoder<'_>, Box<dyn Error + Send + Sync>> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file), options);
    decoder.decode_headers()?;
    if decoder.input_colorspace() == Some(ColorSpace::Luma) {
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
    }
    match ends(file) {
        true => Ok(decoder),
        false => Err("its end is missing: it is truncated".into()),
    }
}

/// Whether the mark of the end follows the scan. The decoder does not miss it where the last rows
/// are what is missing; those of pictures within the picture, which come before, do not count.
fn ends(file: &[u8]) -> bool {
    let mut rest = file.get(2..).unwrap_or_default();
    while let Some((&[0xff, marker], after)) = rest.split_first_chunk() {
        match marker {
            // A byte of filling.
            0xff => rest = &rest[1..],
            0x01 | 0xd0..=0xd7 => rest = after,
            0xda => return after.windows(2).any(|pair| pair == [0xff, 0xd9]),
            _ => {
                let length = after
                    .first_chunk()
                    .map_or(2, |&word| u16::from_be_bytes(word));
                rest = after.get(usize::from(length)..).unwrap_or_default();
            }
        }
    }
    // Laid out in another way: the decoder has read its header, and judges the rest.
    true
}
