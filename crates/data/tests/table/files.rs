//! Files as people have them.

use super::support::*;
use rescind_data::*;
use std::fs;

#[test]
fn separators_are_found_in_the_first_line() {
    for (text, separator) in [
        ("a;b;y\n1.5;2;u\n3;4;v\n", "`;`"),
        ("a\tb\ty\n1.5\t2\tu\n3\t4\tv\n", "tab"),
        ("a|b|y\r\n1.5|2|u\r\n3|4|v\r\n", "`|`"),
        ("a, b, y\n1.5, 2, u\n3, 4, v\n", "`,`"),
        ("\"a,;\";\"b,,\";y\n1.5;2;u\n3;4;v\n", "`;`"),
        ("\u{feff}a,b,y\n1.5,2,u\n3,4,v", "`,`"),
    ] {
        let data = read(text, "label=y&test=0").unwrap();
        assert_eq!(data.train.inputs(), [1.5, 2.0, 3.0, 4.0], "{text}");
        let read_as = &data.train.table().unwrap().read_as;
        assert_eq!(*read_as, format!("separator {separator}"), "{text}");
    }
    let text = "a,b;c;y\n1;2;u\n3;4;v\n";
    let data = read(text, "label=y&test=0&keep=c").unwrap();
    assert_eq!(data.train.inputs(), [2.0, 4.0]);
    refused("a;b;y\n1,5;2;u\n3,1;4;v\n", "label=y", "&decimal=comma");
    let data = read("a;b;y\n1,5;2;u\n3;4;v\n", "label=y&test=0&decimal=comma").unwrap();
    assert_eq!(data.train.inputs(), [1.5, 2.0, 3.0, 4.0]);
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::best());
    std::io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
    packed
}

#[test]
fn gzip_and_utf_16_are_recognised() {
    let text = "a,b,y\n1.5,2,ü\n3,4,v\n";
    let utf16 = |mark: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = std::iter::once(mark).chain(text.encode_utf16());
        units.flat_map(bytes).collect()
    };
    let little = utf16(0xfeff, u16::to_le_bytes);
    for bytes in [
        gzipped(text.as_bytes()),
        little.clone(),
        utf16(0xfeff, u16::to_be_bytes),
        gzipped(&little),
    ] {
        let data = read_with(&bytes, "label=y&test=0", None).unwrap();
        assert_eq!(data.train.inputs(), [1.5, 2.0, 3.0, 4.0]);
        assert_eq!(data.train.class_names(), ["v", "ü"]);
        assert_eq!(data.train.name(), "people");
    }
    let packed = gzipped(text.as_bytes());
    refused(&packed[..packed.len() - 9], "label=y", "cannot be unpacked");
    refused(&little[2..], "label=y", "zero byte");
    let wide = "\u{feff}a,y\n"
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes());
    refused(wide.collect::<Vec<u8>>(), "label=y", "UTF-32");
    refused(b"sep=;\r\na;y\r\n1;u\r\n", "label=y", "take the line");
    refused(
        "a,y\n1,\u{fc}\n"
            .chars()
            .map(|c| c as u8)
            .collect::<Vec<u8>>(),
        "label=y",
        "no UTF-8 in line 2",
    );
}

#[test]
fn a_small_file_that_unpacks_to_a_large_one_is_refused() {
    let mut text = b"a,y\n".to_vec();
    text.resize(70 << 20, b'\n');
    refused(
        gzipped(&text),
        "label=y",
        "at most 200 times the file's size",
    );
}

#[test]
fn files_that_are_no_text_are_named() {
    for (bytes, what) in [
        (&b"PAR1\x15"[..], "a Parquet file"),
        (b"PK\x03\x04", "a spreadsheet"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh9", "bzip2"),
        (b"\x93NUMPY", "a NumPy array"),
    ] {
        refused(bytes, "label=y", what);
    }
    let folder = tempfile::tempdir().unwrap();
    let source = format!("csv:{}?label=y", folder.path().display());
    let error = load(&source.parse().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn quotes_that_do_not_close_are_refused() {
    let rows: String = (0..50)
        .map(|i| format!("{i},{},{}\n", i * 3 % 7, i % 2))
        .collect();
    let text = |row: &str| format!("a,b,y\n1,2,0\n{row}\n{rows}");
    for (row, expected) in [
        ("5,6,\"1", "opens in line 3 and never closes"),
        ("\"5,6,1", "opens in line 3 and never closes"),
        (
            "5,6,\"1\"x",
            "opens in line 3 and closes in the middle of a cell in line 3",
        ),
    ] {
        refused(text(row), "label=y", expected);
    }
    // Two stray quotes that swallow whole rows.
    refused(text("5,6,\"1") + "7,8,1\"\n", "label=y", "several lines");
    refused(text("5,6,\"1") + "\",8,1\n", "label=y", "line 3: 5 cells");
    // Quotes where they belong, doubled ones and separators within.
    let data = read(
        "a,note,y\n1,\"x, \"\"y\"\"\n z\",0\n2,5\" pipe,1\n",
        "label=y&test=0&drop=note",
    );
    assert_eq!(data.unwrap().train.inputs(), [1.0, 2.0]);
}

#[test]
fn reading_stops_where_that_is_asked_for() {
    let rows: String = (0..5000).map(|i| format!("{i},{}\n", i % 2)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, format!("x,y\n{rows}")).unwrap();
    let source = format!("csv:{}?label=y", path.display()).parse().unwrap();
    let mut told = Vec::new();
    let stopped = load_watched(&source, None, &mut |records| {
        told.push(records);
        match records < 3000 {
            true => std::ops::ControlFlow::Continue(()),
            false => std::ops::ControlFlow::Break(()),
        }
    });
    assert!(matches!(stopped, Err(DataError::Interrupted { .. })));
    assert!(told.len() > 2 && told.is_sorted(), "{told:?}");
    assert!(
        told.last()
            .is_some_and(|&last| (3000..3200).contains(&last))
    );
}

#[test]
fn a_table_that_is_packed_twice_is_named_so() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let packed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv.gz");
    fs::write(&path, packed(&packed(b"x,y\n1,0\n2,1\n"))).unwrap();
    let source = format!("csv:{}?label=y", path.display());
    let error = load(&source.parse().unwrap(), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("compressed twice"), "{error}");
}

#[test]
fn a_wide_table_is_read() {
    let names: Vec<String> = (0..100_000).map(|i| format!("c{i}")).collect();
    let row = |label: &str| vec!["1.5"; 100_000].join(",") + "," + label;
    let text = format!("{},y\n{}\n{}\n", names.join(","), row("a"), row("b"));
    let data = read(&text, "label=y&test=0").unwrap();
    assert_eq!(data.train.input_len(), 100_000);
    let error = read(&text.replace("1.5", "x"), "label=y")
        .unwrap_err()
        .to_string();
    assert!(
        error.len() < 10_000 && error.contains("and 99980 more"),
        "{}",
        error.len()
    );
}
