//! Columns become inputs, labels and subjects, or are refused by name.

use super::support::*;
use rescind_data::*;

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
fn numbers_that_are_equal_are_one_class() {
    let text = "x,y\n1,0\n2,0.0\n3, 0\n4,1\n5,1.0\n6,2.50\n7,2.5\n8,-0\n";
    let data = read(text, "label=y&test=0").unwrap();
    assert_eq!(data.train.class_names(), ["0", "1", "2.5"]);
    assert_eq!(data.train.labels(), [0, 0, 0, 1, 1, 2, 2, 0]);
    let declared = ["1".to_owned(), "0.0".to_owned(), "2.5".to_owned()];
    let data = read_with(text, "label=y&test=0", Some(&declared)).unwrap();
    assert_eq!(data.train.class_names(), declared);
    assert_eq!(data.train.labels(), [1, 1, 1, 0, 0, 2, 2, 1]);
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
        let hashes = |part: &Dataset| {
            let all = Selection::all(part.len());
            manifest(part).hashes_of(&all).unwrap()
        };
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
    refused(table(), "label=result", "`result` is not in the first line");
    refused(
        table(),
        "label=result",
        "the columns are age, person, outcome, dose",
    );
    refused(
        table(),
        "label=outcome&subject=outcome",
        "both label and subject",
    );
    refused("a,a,y\n1,2,x\n", "label=y", "`a` is named twice");
    refused("y\nx\n", "label=y", "leaves no column as input");
    refused(
        format!("{HEADER}1,p,well,2\n1,p,well\n"),
        PEOPLE,
        "line 3: 3 cells, expected 4",
    );
    refused(HEADER, PEOPLE, "no record to train on");
    refused("", PEOPLE, "the file is empty");
    let error = load(&"csv:nowhere.csv?label=y".parse().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("nowhere.csv"), "{error}");
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_what_settles_it() {
    let row = |i: u32| {
        let gap = if i == 3 {
            "NA".to_owned()
        } else {
            i.to_string()
        };
        format!("2024-01-{:02},basic,{gap},1.5;{i},{}\n", i + 10, i % 2)
    };
    let header = "joined,plan b,age,price;cost,y\n";
    let text: String = (0..20).map(row).collect();
    let text = header.to_owned() + &text;
    let error = read(&text, "label=y&separator=comma").unwrap_err();
    let DataError::Cells {
        problems, options, ..
    } = &error
    else {
        panic!("{error}");
    };
    let found: Vec<(&str, u64, usize)> = problems
        .iter()
        .map(|problem| (problem.column.as_str(), problem.line, problem.rows))
        .collect();
    let expected = [
        ("joined", 2, 20),
        ("plan b", 2, 20),
        ("age", 5, 1),
        ("price;cost", 2, 20),
    ];
    assert_eq!(found, expected, "{error}");
    assert_eq!(
        options,
        "&drop=joined&hash=plan%20b,price;cost&missing=mark"
    );
    // And they do.
    let data = read(&text, &format!("label=y&separator=comma{options}")).unwrap();
    assert_eq!(data.train.input_len(), 33 + 2 + 33);
}

#[test]
fn a_few_bad_cells_are_to_be_mended_rather_than_hashed() {
    let text = "x,y\n1,a\n2,b\nthree,a\n4,b\n5,a\n";
    let error = read(text, "label=y").unwrap_err();
    assert!(
        matches!(&error, DataError::Cells { options, .. } if options.is_empty()),
        "{error}"
    );
}
