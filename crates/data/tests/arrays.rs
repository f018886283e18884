//! NumPy arrays: values, shapes and orders, parts, and what is refused.

use rescind_data::*;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

/// An NPY file, version 1, as its format has it.
fn npy(kind: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn doubles(values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    values.into_iter().flat_map(f64::to_le_bytes).collect()
}

fn npz(path: &Path, members: &[(&str, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let packed = zip::write::SimpleFileOptions::default();
        let packed = packed.compression_method(zip::CompressionMethod::Deflated);
        archive.start_file(format!("{name}.npy"), packed).unwrap();
        archive.write_all(bytes).unwrap();
    }
    fs::write(path, archive.finish().unwrap().into_inner()).unwrap();
}

fn read(source: &str) -> Result<Data, DataError> {
    load(&source.parse().unwrap(), None)
}

/// Six records of two numbers, of three people, in two classes.
fn members() -> Vec<(&'static str, Vec<u8>)> {
    let x = doubles((0..12).map(f64::from));
    let y: Vec<u8> = [0_i64, 1, 0, 1, 1, 0]
        .into_iter()
        .flat_map(i64::to_le_bytes)
        .collect();
    let who = ["ann", "bob", "bob", "eve", "eve", "ann"].map(|name| name.chars());
    let who = who
        .into_iter()
        .flatten()
        .flat_map(|c| (c as u32).to_le_bytes());
    vec![
        ("x", npy("<f8", "False", "(6, 2)", &x)),
        ("y", npy("<i8", "False", "(6,)", &y)),
        (
            "who",
            npy("<U3", "False", "(6,)", &who.collect::<Vec<u8>>()),
        ),
    ]
}

#[test]
fn arrays_are_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.npz");
    npz(&path, &members());
    let source = format!("npz:{}?inputs=x&label=y&subject=who", path.display());
    let data = read(&format!("{source}&test=0")).unwrap().train;
    assert_eq!((data.name(), data.input_shape()), ("people", &[2][..]));
    assert_eq!(data.inputs(), (0..12_u8).map(f32::from).collect::<Vec<_>>());
    assert_eq!(data.class_names(), ["0", "1"]);
    assert_eq!(data.labels(), [0, 1, 0, 1, 1, 0]);
    assert_eq!(data.subjects().unwrap()[3..], ["eve", "eve", "ann"]);
    assert_eq!(data.lines().unwrap(), [1, 2, 3, 4, 5, 6]);
    // The same in files of their own.
    for (name, bytes) in members() {
        fs::write(folder.path().join(format!("{name}.npy")), bytes).unwrap();
    }
    let x = folder.path().join("x.npy");
    let own = read(&format!(
        "npy:{}?label=y.npy&subject=who.npy&test=0",
        x.display()
    ))
    .unwrap();
    assert_eq!(own.train.inputs(), data.inputs());
    assert_eq!(own.train.subjects(), data.subjects());
    let written: DataSource = source.parse().unwrap();
    assert_eq!(written.to_string().parse::<DataSource>().unwrap(), written);
}

#[test]
fn every_order_and_type_gives_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let x = folder.path().join("x.npy");
    let y = [0_u8, 1, 1, 0];
    fs::write(
        folder.path().join("y.npy"),
        npy("|u1", "False", "(4, 1)", &y),
    )
    .unwrap();
    let read = || {
        read(&format!("npy:{}?label=y.npy&test=0", x.display()))
            .unwrap()
            .train
    };
    let rows: Vec<f64> = (0..24).map(f64::from).collect();
    let plain: Vec<f32> = rows.iter().map(|&value| value as f32).collect();
    // Of shape 4, 3, 2: in Fortran's order the first index varies fastest.
    let columns = (0..2).flat_map(|c| (0..3).flat_map(move |b| (0..4).map(move |a| (a, b, c))));
    let columns = columns.map(|(a, b, c)| rows[a * 6 + b * 2 + c]);
    fs::write(&x, npy("<f8", "True", "(4, 3, 2)", &doubles(columns))).unwrap();
    assert_eq!(read().inputs(), plain);
    assert_eq!(read().input_shape(), [1, 3, 2]);
    let shorts: Vec<u8> = (0..24_i16).flat_map(i16::to_be_bytes).collect();
    fs::write(&x, npy(">i2", "False", "(4, 6)", &shorts)).unwrap();
    assert_eq!(read().inputs(), plain);
    let bytes: Vec<u8> = (0..24).map(|i| i * 10).collect();
    fs::write(&x, npy("|u1", "False", "(4, 1, 2, 3)", &bytes)).unwrap();
    assert_eq!(read().input_shape(), [1, 2, 3]);
    assert!((read().inputs()[23] - 230.0 / 255.0).abs() < 1e-7);
}

#[test]
fn a_test_part_may_have_arrays_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parts.npz");
    let mut all = members();
    all.push(("tx", npy("<f8", "False", "(1, 2)", &doubles([7.0, 8.0]))));
    all.push(("ty", npy("<f8", "False", "(1,)", &doubles([1.0]))));
    npz(&path, &all);
    let own = "inputs=x&label=y&test_inputs=tx&test_label=ty";
    let data = read(&format!("npz:{}?{own}", path.display())).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (6, 1));
    assert_eq!(data.test.inputs(), [7.0, 8.0]);
    assert_eq!(data.test.labels(), [1]);
    let other = npy("<f8", "False", "(1, 3)", &doubles([7.0, 8.0, 9.0]));
    *all.iter_mut().find(|(name, _)| *name == "tx").unwrap() = ("tx", other);
    npz(&path, &all);
    let error = read(&format!("npz:{}?{own}", path.display())).unwrap_err();
    assert!(
        error.to_string().contains("the shape of a test input"),
        "{error}"
    );
}

#[test]
fn what_is_no_array_of_records_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let x = folder.path().join("x.npy");
    fs::write(
        folder.path().join("y.npy"),
        npy("|u1", "False", "(2,)", &[0, 1]),
    )
    .unwrap();
    let refused = |bytes: Vec<u8>, expected: &str| {
        fs::write(&x, bytes).unwrap();
        let error = read(&format!("npy:{}?label=y.npy&test=0", x.display())).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let good = npy("<f8", "False", "(2, 1)", &doubles([1.0, 2.0]));
    fs::write(&x, &good).unwrap();
    assert!(read(&format!("npy:{}?label=y.npy&test=0", x.display())).is_ok());
    for length in 0..good.len() {
        fs::write(&x, &good[..length]).unwrap();
        let error = read(&format!("npy:{}?label=y.npy&test=0", x.display()));
        assert!(error.is_err(), "{length}");
    }
    refused(
        npy("<f8", "False", "(2, 1)", &doubles([1.0, f64::NAN])),
        "in row 2",
    );
    refused(
        npy("<f8", "False", "(3, 1)", &doubles([1.0; 3])),
        "expected 3, one for each record",
    );
    refused(
        npy("|O", "False", "(2,)", b"pickle"),
        "arrays of Python objects",
    );
    refused(
        npy("<f8", "False", "(4611686018427387904, 9)", &[]),
        "give a smaller array",
    );
    refused(npy("<f8", "False", "(1073741824,)", &[0; 64]), "NPY");
    refused(npy("<f8", "False", "(2, 0)", &[]), "no dimension of 0");
    refused(
        npy("<f8", "False", &format!("({})", "(".repeat(2000)), &[]),
        "the length of the header",
    );
    refused(b"x,y\n1,2\n".to_vec(), "expected a NumPy array");
    let path = folder.path().join("bomb.npz");
    let zeros = npy("<f8", "False", "(12000000,)", &vec![0; 96_000_000]);
    npz(
        &path,
        &[("x", zeros), ("y", npy("|u1", "False", "(2,)", &[0, 1]))],
    );
    let error = read(&format!("npz:{}?inputs=x&label=y", path.display())).unwrap_err();
    assert!(error.to_string().contains("at most 200 times"), "{error}");
    let error = read(&format!("npz:{}?inputs=z&label=y", path.display())).unwrap_err();
    assert!(
        error.to_string().contains("the columns are x, y"),
        "{error}"
    );
    let error = read(&format!("npz:{}?inputs=x&label=y", x.display())).unwrap_err();
    assert!(
        error.to_string().contains("cannot be read as NPZ"),
        "{error}"
    );
    for text in [
        "npz:a?label=y",
        "npz:a?inputs=x",
        "npz:a?inputs=x&label=y&test=1",
        "npy:a",
        "npy:a?label=y&inputs=x",
        "npz:a?inputs=x&label=y&test_inputs=z",
        "npz:a?inputs=&label=y",
    ] {
        let error = text.parse::<DataSource>().unwrap_err();
        assert!(
            matches!(error, SourceError::Arrays { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_few_records_are_read_without_the_others_and_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, bytes) in members() {
        fs::write(path(&format!("{name}.npy")), bytes).unwrap();
    }
    let source = format!(
        "npy:{}?label=y.npy&subject=who.npy&test=0.4",
        path("x.npy").display()
    );
    let source: DataSource = source.parse().unwrap();
    let all = load(&source, None).unwrap().train;
    let count = all.len();
    // Some rows are test records: positions are not rows.
    assert!(count > 2 && count < 6, "{count}");
    let secret = Digest::from([3; 32]);
    let manifest = Manifest::new(&all, "", secret, HeldOut::NONE).unwrap();
    let few = |positions: &[usize]| {
        let which = Selection::new(count, positions.to_vec()).unwrap();
        reload_few(&source, &manifest, &which).unwrap()
    };
    for positions in [
        vec![0],
        vec![count - 1],
        vec![0, count - 1],
        (0..count).collect(),
    ] {
        let read = few(&positions).unwrap();
        assert_eq!(read.len(), positions.len());
        for (at, &position) in positions.iter().enumerate() {
            assert_eq!(read.input(at), all.input(position));
            assert_eq!(read.labels()[at], all.labels()[position]);
        }
        assert_eq!(read.class_names(), all.class_names());
    }
    // A record that is another now, and one whose row is gone, are found by reading all of them.
    let row = all.lines().unwrap()[count - 1] as usize - 1;
    let numbers = |change: Option<usize>, rows: usize| {
        let number = |i: usize| match Some(i / 2) == change {
            true => 99.0,
            false => i as f64,
        };
        let shape = format!("({rows}, 2)");
        npy("<f8", "False", &shape, &doubles((0..2 * rows).map(number)))
    };
    fs::write(path("x.npy"), numbers(Some(row), 6)).unwrap();
    assert!(few(&[count - 1]).is_none());
    assert!(few(&[0]).is_some());
    fs::write(path("x.npy"), numbers(None, row)).unwrap();
    assert!(few(&[count - 1]).is_none());
    // In Fortran's order no row lies in one place.
    let columns = (0..2).flat_map(|b| (0..6).map(move |a| f64::from(2 * a + b)));
    fs::write(
        path("x.npy"),
        npy("<f8", "True", "(6, 2)", &doubles(columns)),
    )
    .unwrap();
    assert!(few(&[0]).is_none());
    assert_eq!(load(&source, None).unwrap().train, all);
    // A promise of more than any file holds is not believed.
    fs::write(
        path("x.npy"),
        npy("<f8", "False", "(6, 18446744073709551615)", &[]),
    )
    .unwrap();
    assert!(few(&[0]).is_none());
    fs::write(
        path("x.npy"),
        [b"\x93NUMPY\x02\x00".as_slice(), &[255; 4]].concat(),
    )
    .unwrap();
    assert!(few(&[0]).is_none());
}
