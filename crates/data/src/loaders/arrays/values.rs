//! An NPY array as numbers, or as texts.

use super::header::{check_start, io_error};
use super::store::Bytes;
use crate::error::DataError;
use crate::loaders::classes::written;
use crate::loaders::unpack::MAX_BYTES;
use crate::reading::Reading;
use npyz::{NpyFile, Order};
use std::io::{self, Cursor, Read};
use std::path::Path;

/// Values between two looks at whether the reading is to stop.
const PATIENCE: u64 = 1 << 20;

type Whole<'a> = io::Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>;

/// Every value in C order, after the array's dimensions. Pictures of bytes are scaled to \[0, 1\].
pub(super) fn numbers(
    bytes: &mut Bytes<'_>,
    reading: &mut Reading<'_>,
) -> Result<(Vec<usize>, Vec<f32>), DataError> {
    let path = bytes.path.clone();
    let (file, dims, order) = opened(bytes)?;
    let is_picture = dims.len() > 2;
    let mut values = Vec::new();
    let mut push = |value: f32| values.push(value);
    macro_rules! read {
        ($($kind:ty => $number:expr),* $(,)?) => {{
            let file = file;
            $(let file = match file.try_data::<$kind>() {
                Ok(found) => {
                    #[allow(clippy::redundant_closure_call)]
                    each(found, &path, reading, &mut |value| push($number(value)))?;
                    return Ok((dims.clone(), in_order(values, &dims, order)));
                }
                Err(file) => file,
            };)*
            Err(kind(&path, &file))
        }};
    }
    read! {
        f32 => |x| x,
        f64 => |x| x as f32,
        u8 => |x| if is_picture { f32::from(x) / 255.0 } else { f32::from(x) },
        bool => |x| f32::from(u8::from(x)),
        i8 => f32::from,
        u16 => f32::from,
        i16 => f32::from,
        u32 => |x| x as f32,
        i32 => |x| x as f32,
        u64 => |x| x as f32,
        i64 => |x| x as f32,
    }
}

/// Every value as a text; `None` for what is not a number.
pub(super) fn texts(
    mut bytes: Bytes<'_>,
    reading: &mut Reading<'_>,
) -> Result<Vec<Option<String>>, DataError> {
    let path = bytes.path.clone();
    let name = bytes.name.clone();
    let (file, dims, _) = opened(&mut bytes)?;
    if dims.iter().skip(1).any(|&dim| dim != 1) {
        return Err(DataError::Format {
            path,
            what: "the shape of the array",
            found: format!("{dims:?} in `{name}`"),
            expected: "one value a record".to_owned(),
            advice: "give classes rather than one-hot rows: np.argmax(y, axis=1)",
        });
    }
    let mut values = Vec::new();
    let mut push = |value: Option<String>| values.push(value);
    macro_rules! read {
        ($($kind:ty => $text:expr),* $(,)?) => {{
            let file = file;
            $(let file = match file.try_data::<$kind>() {
                Ok(found) => {
                    #[allow(clippy::redundant_closure_call)]
                    each(found, &path, reading, &mut |value| push($text(value)))?;
                    return Ok(values);
                }
                Err(file) => file,
            };)*
            Err(kind(&path, &file))
        }};
    }
    let number = |x: f64| (!x.is_nan()).then(|| written(x));
    let text = |x: String| Some(x.trim().to_owned()).filter(|x| !x.is_empty());
    read! {
        i64 => |x: i64| Some(x.to_string()),
        i32 => |x: i32| Some(x.to_string()),
        u8 => |x: u8| Some(x.to_string()),
        bool => |x: bool| Some(if x { "True" } else { "False" }.to_owned()),
        f64 => number,
        f32 => |x: f32| number(f64::from(x)),
        i8 => |x: i8| Some(x.to_string()),
        i16 => |x: i16| Some(x.to_string()),
        u16 => |x: u16| Some(x.to_string()),
        u32 => |x: u32| Some(x.to_string()),
        u64 => |x: u64| Some(x.to_string()),
        String => text,
        Vec<u8> => |x: Vec<u8>| text(String::from_utf8_lossy(&x).into_owned()),
    }
}

/// The file with its header read: its dimensions, and which of them varies fastest.
fn opened<'a>(
    bytes: &'a mut Bytes<'_>,
) -> Result<(NpyFile<Whole<'a>>, Vec<usize>, Order), DataError> {
    let path = bytes.path.clone();
    let io_error = |source| io_error(&path, source);
    let mut start = Vec::new();
    let mut reader: Box<dyn Read + 'a> = Box::new(&mut bytes.reader);
    reader
        .by_ref()
        .take(12)
        .read_to_end(&mut start)
        .map_err(io_error)?;
    check_start(&path, &start)?;
    let file = NpyFile::new(Cursor::new(start).chain(reader)).map_err(io_error)?;
    let dims: Option<Vec<usize>> = file
        .shape()
        .iter()
        .map(|&dim| dim.try_into().ok())
        .collect();
    let size = dims.as_ref().and_then(|dims| {
        let size = dims
            .iter()
            .try_fold(4_usize, |size, &dim| size.checked_mul(dim));
        size.filter(|&size| size as u64 <= MAX_BYTES && dims.iter().skip(1).all(|&dim| dim > 0))
    });
    match (dims, size) {
        (Some(dims), Some(_)) => {
            let order = file.order();
            Ok((file, dims, order))
        }
        _ => Err(DataError::Format {
            path,
            what: "the shape of the array",
            found: format!("{:?}", file.shape()),
            expected: format!(
                "at most {} values, and no dimension of 0 but the first",
                MAX_BYTES / 4
            ),
            advice: "give a smaller array",
        }),
    }
}

fn each<T: npyz::Deserialize, R: Read>(
    found: npyz::NpyReader<T, R>,
    path: &Path,
    reading: &mut Reading<'_>,
    take: &mut dyn FnMut(T),
) -> Result<(), DataError> {
    for (met, value) in (0_u64..).zip(found) {
        if met % PATIENCE == 0 {
            reading.look_up(path)?;
        }
        take(value.map_err(|source| io_error(path, source))?);
    }
    Ok(())
}

fn kind<R: Read>(path: &Path, file: &NpyFile<R>) -> DataError {
    DataError::Format {
        path: path.to_owned(),
        what: "the type of the array",
        found: file.dtype().descr(),
        expected: "numbers, truths or texts".to_owned(),
        advice: "convert it with numpy.astype; arrays of Python objects are not read",
    }
}

/// Values in C order, from the order they were stored in.
fn in_order(values: Vec<f32>, dims: &[usize], order: Order) -> Vec<f32> {
    if order == Order::C || dims.len() < 2 {
        return values;
    }
    let mut placed = vec![0.0; values.len()];
    let mut at = vec![0; dims.len()];
    for value in values {
        let place = at
            .iter()
            .zip(dims)
            .fold(0, |place, (&at, &dim)| place * dim + at);
        if let Some(slot) = placed.get_mut(place) {
            *slot = value;
        }
        for (at, &dim) in at.iter_mut().zip(dims) {
            *at += 1;
            if *at < dim {
                break;
            }
            *at = 0;
        }
    }
    placed
}
