//! A table of text as UTF-8: unpacked, decoded, and its separator found.

use super::quotes::{QuoteError, Quotes};
use crate::error::DataError;
use crate::loaders::file;
use crate::loaders::unpack::{self, Limited, OverLimit};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// A first line of more bytes than this is no list of columns.
const LONGEST_HEADER: u64 = 1 << 24;

/// The text of a table.
pub(super) struct Text {
    pub reader: Box<dyn Read>,
    pub separator: u8,
    /// How the file was understood.
    pub read_as: String,
}

/// What other files begin with.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "compressed twice by gzip", "unpack it once"),
    (b"PAR1", "a Parquet file", "write parquet: for csv:"),
    (
        b"PK\x03\x04",
        "a ZIP archive, such as a spreadsheet",
        "save the sheet as CSV, or unpack the archive",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old spreadsheet",
        "save the sheet as CSV",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed by zstd",
        "unpack it, or pack it with gzip",
    ),
    (
        b"BZh",
        "compressed by bzip2",
        "unpack it, or pack it with gzip",
    ),
    (
        b"\xfd7zXZ\x00",
        "compressed by xz",
        "unpack it, or pack it with gzip",
    ),
    (b"\xff\xfe\0\0", "text in UTF-32", "save it in UTF-8"),
    (b"\0\0\xfe\xff", "text in UTF-32", "save it in UTF-8"),
    (b"\x93NUMPY", "a NumPy array", "write npy: for csv:"),
    (b"ARROW1", "an Arrow file", "save it as Parquet or CSV"),
    (
        b"SQLite format 3",
        "an SQLite database",
        "export the table as CSV",
    ),
];

pub(super) fn open(path: &Path, separator: Option<char>) -> Result<Text, DataError> {
    let (raw, size) = file::open(path)?;
    let mut raw = BufReader::new(raw);
    let io_error = |source| io_error(path, source);
    let mut read_as = Vec::new();
    let mut bytes: BufReader<Box<dyn Read>> =
        match begins(&mut raw, &[0x1f, 0x8b]).map_err(io_error)? {
            true => {
                read_as.push("gzip".to_owned());
                let unpacked = Limited::new(MultiGzDecoder::new(raw), unpack::limit(size));
                BufReader::new(Box::new(unpacked))
            }
            false => BufReader::new(Box::new(raw)),
        };
    let start = bytes.fill_buf().map_err(io_error)?;
    if let Some((_, what, advice)) = OTHERS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(not_text(path, what, advice));
    }
    if start.is_empty() {
        return Err(DataError::NoRecords {
            path: path.to_owned(),
            advice: "the file is empty; give a table whose first line names the columns",
        });
    }
    let utf16 = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
    if utf16 {
        read_as.push("UTF-16".to_owned());
    } else if start.iter().take(1024).any(|&byte| byte == 0) {
        let advice = "save it as CSV in UTF-8; of UTF-16 the first two bytes must say so";
        return Err(not_text(
            path,
            "no text: a zero byte is among the first",
            advice,
        ));
    }
    let mut builder = DecodeReaderBytesBuilder::new();
    builder.strip_bom(true);
    // Without a mark of UTF-16, bytes pass as they are, and those that are no UTF-8 are refused with
    // their line.
    builder.utf8_passthru(true);
    let mut text = BufReader::new(builder.build(bytes));
    let mut header = Vec::new();
    let mut limited = text.by_ref().take(LONGEST_HEADER);
    limited.read_until(b'\n', &mut header).map_err(io_error)?;
    if header.len() as u64 >= LONGEST_HEADER {
        return Err(not_text(
            path,
            "a first line without an end",
            "give a table with a column name for every column",
        ));
    }
    if header.starts_with(b"sep=") {
        return Err(not_text(
            path,
            "a line for a spreadsheet, which is of no row, before the columns' names",
            "take the line `sep=` out: the separator is found without it",
        ));
    }
    let separator = match separator.map(u8::try_from) {
        Some(Ok(given)) => given,
        _ => sniffed(&header),
    };
    read_as.insert(0, format!("separator {}", shown(separator)));
    let whole = Cursor::new(header).chain(text);
    Ok(Text {
        reader: Box::new(Quotes::new(whole, separator)),
        separator,
        read_as: read_as.join(", "),
    })
}

fn begins(reader: &mut impl BufRead, magic: &[u8]) -> io::Result<bool> {
    Ok(reader.fill_buf()?.starts_with(magic))
}

fn not_text(path: &Path, what: &str, advice: &'static str) -> DataError {
    DataError::Format {
        path: path.to_owned(),
        what: "its content",
        found: what.to_owned(),
        expected: "a table of text, such as a CSV file".to_owned(),
        advice,
    }
}

/// The separator that the first line has most of outside quotes; a comma where it has none.
fn sniffed(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for &byte in header {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts
            .iter_mut()
            .find(|(separator, _)| *separator == byte && !quoted)
        {
            *count += 1;
        }
    }
    // The first of those that are equally frequent.
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let found = counts.iter().find(|(_, count)| *count == most);
    found.map_or(b',', |(separator, _)| *separator)
}

fn shown(separator: u8) -> String {
    match separator {
        b'\t' => "tab".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}

/// What went wrong below the CSV reader.
pub(super) fn io_error(path: &Path, source: io::Error) -> DataError {
    let inner = source.get_ref();
    if let Some(over) = inner.and_then(|inner| inner.downcast_ref::<OverLimit>()) {
        return unpack::too_large(path, over);
    }
    if let Some(quote) = inner.and_then(|inner| inner.downcast_ref::<QuoteError>()) {
        return DataError::Format {
            path: path.to_owned(),
            what: "its use of quotes",
            found: quote.to_string(),
            expected: "quotes around whole cells, and \"\" for a quote within".to_owned(),
            advice: "mend that line, or write the table again with its quotes doubled",
        };
    }
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            DataError::Compressed { path, source }
        }
        _ => DataError::Io { path, source },
    }
}
