//! One picture file, PNG, JPEG or WebP.

use super::{file, jpeg, unit_interval};
use crate::error::DataError;
use png::{BitDepth, ColorType, Transformations};
use std::error::Error;
use std::io::Cursor;
use std::path::Path;
use zune_jpeg::zune_core::colorspace::ColorSpace;

/// The most values in one picture: 4096 × 4096 pixels of three channels.
const MAX_VALUES: usize = 3 << 24;

type DecoderError = Box<dyn Error + Send + Sync>;
type Bytes<'f> = Cursor<&'f [u8]>;

/// A picture whose header was read.
enum Decoder<'f> {
    Png(Box<png::Reader<Bytes<'f>>>),
    Jpeg(Box<jpeg::Decoder<'f>>),
    WebP(Box<image_webp::WebPDecoder<Bytes<'f>>>),
}

impl<'f> Decoder<'f> {
    /// Whatever a file is called, its first bytes say what it is.
    fn new(file: &'f [u8]) -> Result<Self, DecoderError> {
        if file.starts_with(b"\x89PNG\r\n\x1a\n") {
            let mut decoder = png::Decoder::new(Cursor::new(file));
            decoder.set_transformations(Transformations::EXPAND);
            return Ok(Decoder::Png(Box::new(decoder.read_info()?)));
        }
        if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
            // The decoder makes up what is missing of the last pixels.
            let length = file.get(4..8).and_then(|word| word.first_chunk());
            let length = length.map_or(0, |&word| u32::from_le_bytes(word));
            if (file.len() as u64) < 8 + u64::from(length) {
                return Err("its end is missing: it is truncated".into());
            }
            let decoder = image_webp::WebPDecoder::new(Cursor::new(file))?;
            return match decoder.is_animated() {
                true => Err("it moves".into()),
                false => Ok(Decoder::WebP(Box::new(decoder))),
            };
        }
        if file.starts_with(b"\xff\xd8\xff") {
            return Ok(Decoder::Jpeg(Box::new(jpeg::decoder(file)?)));
        }
        Err("it begins like none of them".into())
    }

    /// Channels (1 is grey, 3 are red, green, blue), height and width; or the name of another colour
    /// type.
    fn shape(&self) -> Result<[usize; 3], String> {
        let (channels, width, height) = match self {
            Decoder::Png(reader) => {
                let channels = match reader.output_color_type() {
                    (ColorType::Grayscale, _) => 1,
                    (ColorType::Rgb, _) => 3,
                    (other, _) => return Err(format!("{other:?}")),
                };
                let (width, height) = reader.info().size();
                (channels, width as usize, height as usize)
            }
            Decoder::WebP(decoder) if decoder.has_alpha() => return Err("Rgba".to_owned()),
            Decoder::WebP(decoder) => {
                let (width, height) = decoder.dimensions();
                (3, width as usize, height as usize)
            }
            Decoder::Jpeg(decoder) => {
                let (width, height) = decoder.dimensions().unwrap_or_default();
                match decoder.input_colorspace() {
                    Some(ColorSpace::Luma) => (1, width, height),
                    _ => (3, width, height),
                }
            }
        };
        Ok([channels, height, width])
    }

    /// All values from 0 to 1, pixel by pixel.
    fn values(self) -> Result<Vec<f32>, DecoderError> {
        let mut reader = match self {
            Decoder::Png(reader) => reader,
            Decoder::Jpeg(mut decoder) => return Ok(unit_interval(&decoder.decode()?)),
            Decoder::WebP(mut decoder) => {
                let size = decoder.output_buffer_size().ok_or("it is too large")?;
                let mut pixels = vec![0; size];
                decoder.read_image(&mut pixels)?;
                return Ok(unit_interval(&pixels));
            }
        };
        let size = reader.output_buffer_size().ok_or("it is too large")?;
        let mut pixels = vec![0; size];
        reader.next_frame(&mut pixels)?;
        match reader.output_color_type() {
            (_, BitDepth::Sixteen) => {
                let (words, _) = pixels.as_chunks::<2>();
                let words = words.iter().map(|&word| u16::from_be_bytes(word));
                Ok(words.map(|v| f32::from(v) / 65535.0).collect())
            }
            _ => Ok(unit_interval(&pixels)),
        }
    }
}

/// Shape `[channels, height, width]` and values of one picture; `expected` is checked on the
/// header, before anything is allocated for the pixels.
pub(super) fn decode(
    path: &Path,
    expected: Option<[usize; 3]>,
) -> Result<([usize; 3], Vec<f32>), DataError> {
    let wrong = |what, found: String, expected: String, advice| DataError::Format {
        path: path.to_owned(),
        what,
        found,
        expected,
        advice,
    };
    let picture_error = |source| DataError::Picture {
        path: path.to_owned(),
        source,
    };
    let file = file::read(path)?;
    let decoder = Decoder::new(&file).map_err(picture_error)?;
    let shape = decoder.shape().map_err(|found| {
        let expected = "grey or RGB without alpha".to_owned();
        wrong(
            "the colour type",
            found,
            expected,
            "flatten the transparency",
        )
    })?;
    if let Some(expected) = expected
        && shape != expected
    {
        let expected = format!("{expected:?} (channels, height, width) as in the first picture");
        return Err(wrong(
            "the shape",
            format!("{shape:?}"),
            expected,
            "resize or convert it",
        ));
    }
    let values = shape
        .iter()
        .try_fold(1_usize, |values, &dim| values.checked_mul(dim));
    if values.is_none_or(|values| values > MAX_VALUES) {
        let expected = format!("at most {MAX_VALUES} values");
        return Err(wrong(
            "the shape",
            format!("{shape:?}"),
            expected,
            "make it smaller",
        ));
    }
    let interleaved = decoder.values().map_err(picture_error)?;
    if interleaved.len() != shape.iter().product::<usize>() {
        return Err(picture_error("its size is not what its header says".into()));
    }
    if shape[0] == 1 {
        return Ok((shape, interleaved));
    }
    let plane = |channel| interleaved.iter().skip(channel).step_by(3).copied();
    Ok((shape, (0..3).flat_map(plane).collect()))
}
