//! Tables: columns, splits, and errors that name line and column.

use rescind_data::*;
use std::fs;

const HEADER: &str = "age,person,outcome,dose\n";

fn read(text: &str, options: &str) -> Result<Data, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    fs::write(&path, text).unwrap();
    load(
        &format!("csv:{}?{options}", path.display()).parse().unwrap(),
        None,
    )
}

/// 200 rows of 40 people; the record number is the age.
fn table() -> String {
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

const PEOPLE: &str = "label=outcome&subject=person";

fn manifest(dataset: &Dataset) -> Manifest {
    Manifest::new(dataset, "", Digest::from([1; 32]), HeldOut::NONE).unwrap()
}

#[test]
fn columns_become_inputs_label_and_subject() {
    let data = read(
        "a,who, y ,b\n1, ann,well,2\n-3e2,bob,sick,0.5\n",
        "label=y&subject=who&test=0",
    )
    .unwrap();
    assert_eq!(data.train.name(), "people");
    assert_eq!(data.train.input_shape(), [2]);
    assert_eq!(data.train.inputs(), [1.0, 2.0, -300.0, 0.5]);
    assert_eq!(data.train.class_names(), ["sick", "well"]);
    assert_eq!(data.train.labels(), [1, 0]);
    assert_eq!(data.train.subjects().unwrap(), ["ann", "bob"]);
    assert!(data.test.is_empty());
}

#[test]
fn whole_number_classes_are_in_numeric_order() {
    let data = read("x,y\n1,10\n2,9\n3,-1\n", "label=y&test=0").unwrap();
    assert_eq!(data.train.class_names(), ["-1", "9", "10"]);
    assert_eq!(data.train.labels(), [2, 1, 0]);
    let data = read("x,y\n1,10\n2,9\n3,b\n", "label=y&test=0").unwrap();
    assert_eq!(data.train.class_names(), ["10", "9", "b"]);
}

#[test]
fn a_subject_is_on_one_side_and_about_the_fraction_is_held_out() {
    let data = read(&table(), PEOPLE).unwrap();
    let (train, test) = (
        data.train.subjects().unwrap(),
        data.test.subjects().unwrap(),
    );
    assert!(train.iter().all(|subject| !test.contains(subject)));
    assert_eq!(train.len() + test.len(), 200);
    let data = read(&table().replace(",p", ","), "label=outcome&test=0.3").unwrap();
    // Binomial(200, 0.3): standard deviation 6.5.
    assert!((35..=85).contains(&data.test.len()), "{}", data.test.len());
}

#[test]
fn deleting_rows_moves_no_other_row() {
    for options in [PEOPLE, "label=outcome"] {
        let whole = if options == PEOPLE {
            table()
        } else {
            table().replace(",p", ",")
        };
        let data = read(&whole, options).unwrap();
        let fewer: String = whole
            .lines()
            .enumerate()
            .filter(|(i, _)| i % 7 != 3)
            .map(|(_, l)| format!("{l}\n"))
            .collect();
        let left = read(&fewer, options).unwrap();
        let hashes = |part: &Dataset| manifest(part).records().to_vec();
        let (train, test) = (hashes(&data.train), hashes(&data.test));
        assert!(hashes(&left.train).iter().all(|hash| train.contains(hash)));
        assert!(hashes(&left.test).iter().all(|hash| test.contains(hash)));
        assert!(!left.test.is_empty());
    }
}

#[test]
fn a_person_can_be_forgotten_by_name() {
    let data = read(&table(), PEOPLE).unwrap();
    let manifest = manifest(&data.train);
    let subject = data.train.subjects().unwrap()[0].clone();
    let all = Selection::all(data.train.len());
    let request = RecordRequest::Subject(subject.clone());
    let forget = request.resolve(&manifest, &all).unwrap();
    assert_eq!(forget.len(), 5);
    let subjects = data.train.subjects().unwrap();
    assert!(
        forget
            .positions()
            .iter()
            .all(|&position| subjects[position] == subject)
    );
}

#[test]
fn a_bad_cell_is_named_by_line_and_column() {
    for (row, column, found) in [
        ("1,p,sick,", "dose", "``"),
        ("1,p,sick,12mg", "dose", "`12mg`"),
        ("NaN,p,sick,1", "age", "`NaN`"),
        ("1,p,sick,1e99", "dose", "`1e99`"),
        ("1,,sick,1", "person", "``"),
        ("1,p,,1", "outcome", "``"),
    ] {
        let error = read(&format!("{HEADER}7,p,well,2\n{row}\n"), PEOPLE).unwrap_err();
        let expected = format!("people.csv, line 3, column `{column}`: found {found}");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn bad_columns_and_rows_are_named() {
    let refused = |text: &str, options: &str, expected: &str| {
        let error = read(text, options).unwrap_err().to_string();
        assert!(
            error.contains("people.csv") && error.contains(expected),
            "{error}"
        );
    };
    refused(
        &table(),
        "label=result",
        "`result` is not in the first line",
    );
    refused(
        &table(),
        "label=result",
        "the columns are age, person, outcome, dose",
    );
    refused(
        &table(),
        "label=outcome&subject=outcome",
        "both label and subject",
    );
    refused("a,a,y\n1,2,x\n", "label=y", "`a` is named twice");
    refused("y\nx\n", "label=y", "leaves no column as input");
    refused(
        &format!("{HEADER}1,p,well,2\n1,p,well\n"),
        PEOPLE,
        "line: 3",
    );
    refused(HEADER, PEOPLE, "no record to train on");
    refused("", PEOPLE, "not in the first line");
    let error = load(&"csv:nowhere.csv?label=y".parse().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("nowhere.csv"), "{error}");
}
