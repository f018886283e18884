//! One picture file, PNG or JPEG.

use super::unit_interval;
use crate::error::DataError;
use png::{BitDepth, ColorType, Transformations};
use std::error::Error;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most values in one picture: 4096 × 4096 pixels of three channels.
const MAX_VALUES: usize = 3 << 24;

type DecoderError = Box<dyn Error + Send + Sync>;
type Bytes<'f> = Cursor<&'f [u8]>;

/// A picture whose header was read.
enum Decoder<'f> {
    Png(Box<png::Reader<Bytes<'f>>>),
    Jpeg(Box<zune_jpeg::JpegDecoder<Bytes<'f>>>),
}

impl<'f> Decoder<'f> {
    /// Whatever a file is called, its first bytes say what it is.
    fn new(file: &'f [u8]) -> Result<Self, DecoderError> {
        if file.starts_with(b"\x89PNG\r\n\x1a\n") {
            let mut decoder = png::Decoder::new(Cursor::new(file));
            decoder.set_transformations(Transformations::EXPAND);
            return Ok(Decoder::Png(Box::new(decoder.read_info()?)));
        }
        if !file.starts_with(b"\xff\xd8\xff") {
            return Err("it begins like neither".into());
        }
        let options = DecoderOptions::default()
            .set_strict_mode(false)
            .set_max_width(usize::MAX)
            .set_max_height(usize::MAX);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(Cursor::new(file), options);
        decoder.decode_headers()?;
        if decoder.input_colorspace() == Some(ColorSpace::Luma) {
            decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
        }
        Ok(Decoder::Jpeg(Box::new(decoder)))
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
    let file = fs::read(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })?;
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
