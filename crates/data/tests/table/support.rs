//! Tables as the tests write and read them.

use rescind_data::*;
use std::fs;

pub const HEADER: &str = "age,person,outcome,dose\n";

pub fn read(text: &str, options: &str) -> Result<Data, DataError> {
    read_with(text, options, None)
}

pub fn read_with(
    text: impl AsRef<[u8]>,
    options: &str,
    classes: Option<&[String]>,
) -> Result<Data, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    fs::write(&path, text).unwrap();
    load(
        &format!("csv:{}?{options}", path.display()).parse().unwrap(),
        classes,
    )
}

pub fn refused(text: impl AsRef<[u8]>, options: &str, expected: &str) {
    let error = read_with(text, options, None).unwrap_err().to_string();
    assert!(
        error.contains("people.csv") && error.contains(expected),
        "{error}"
    );
}

/// 200 rows of 40 people; the record number is the age.
pub fn table() -> String {
    let row = |i: u32| {
        format!(
            "{i},p{},{},{}.5\n",
            i % 40,
            ["sick", "well"][i as usize % 2],
            i
        )
    };
    HEADER.to_owned() + &(0..200).map(row).collect::<String>()
}

pub const PEOPLE: &str = "label=outcome&subject=person";

pub fn manifest(dataset: &Dataset) -> Manifest {
    Manifest::new(dataset, "", Digest::from([1; 32]), HeldOut::NONE).unwrap()
}

pub fn read_plain(text: &str) -> Result<Data, DataError> {
    read(text, "label=y")
}
