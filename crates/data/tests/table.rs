//! Tables: columns, splits, and errors that name line and column.

use rescind_data::*;
use std::fs;

const HEADER: &str = "age,person,outcome,dose\n";

fn read(text: &str, options: &str) -> Result<Data, DataError> {
    read_with(text, options, None)
}

fn read_with(
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

fn refused(text: impl AsRef<[u8]>, options: &str, expected: &str) {
    let error = read_with(text, options, None).unwrap_err().to_string();
    assert!(
        error.contains("people.csv") && error.contains(expected),
        "{error}"
    );
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

#[test]
fn truths_are_numbers() {
    let text = "a,b,y\nTrue,FALSE,u\nfalse,true,v\n";
    let data = read(text, "label=y&test=0").unwrap();
    assert_eq!(data.train.inputs(), [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn columns_are_kept_dropped_and_left_out_by_name() {
    let text = ",Id,a,b,y\n0,7,1,2,u\n1,8,3,4,v\n";
    let inputs = |options: &str| {
        let data = read(text, &format!("label=y&test=0{options}")).unwrap();
        let left_out = data.train.table().unwrap().left_out.clone();
        (data.train.inputs().to_vec(), left_out)
    };
    let numbers = [String::new(), "Id".to_owned()].map(|name| (name, LeftOut::RowNumber));
    let (values, left_out) = inputs("");
    assert_eq!(
        (values, left_out),
        (vec![1.0, 2.0, 3.0, 4.0], numbers.to_vec())
    );
    let (values, left_out) = inputs("&drop=a");
    assert_eq!(values, [2.0, 4.0]);
    assert_eq!(left_out[2], ("a".to_owned(), LeftOut::Dropped));
    let (values, left_out) = inputs("&keep=Id,a");
    assert_eq!(values, [7.0, 1.0, 8.0, 3.0]);
    assert_eq!(left_out[1], ("b".to_owned(), LeftOut::NotKept));
    let with = |options: &str| format!("label=y&test=0{options}");
    refused(text, &with("&keep=c"), "`c` is not in the first line");
    refused(text, &with("&drop=y"), "`y` is given two roles");
    refused(text, &with("&keep=a&drop=a"), "`a` is given two roles");
    refused(text, &with("&hash=y"), "`y` is given two roles");
    refused(text, &with("&drop=a,b"), "leaves no column as input");
    refused("1,2,3\n4,5,6\n", "label=y", "holds numbers: put a line");
}

/// A row's inputs are a function of that row: other rows change nothing of them.
#[test]
fn encodings_depend_on_no_other_row() {
    let row = |i: u32| format!("{i},{},t{}\n", ["red", "blue", "?"][i as usize % 3], i % 5);
    let text = |rows: &mut dyn Iterator<Item = u32>| -> String {
        "x,colour,y\n".to_owned() + &rows.map(row).collect::<String>()
    };
    for options in [
        "hash=colour:4",
        "categories=colour:blue|green",
        "hash=colour&range=x:0:9",
    ] {
        let options = format!("label=y&test=0&{options}");
        let all = read(&text(&mut (0..30)), &options).unwrap().train;
        let few = read(&text(&mut (3..30).step_by(3)), &options)
            .unwrap()
            .train;
        for (at, position) in (3..30).step_by(3).enumerate() {
            assert_eq!(few.input(at), all.input(position), "{options}");
        }
    }
}

#[test]
fn categories_and_hashes_become_one_of_so_many() {
    let text = "c,y\nb,u\na,v\nelse,u\n,v\nNA,u\n";
    let data = read(text, "label=y&test=0&categories=c:a|b").unwrap();
    let inputs: Vec<&[f32]> = data.train.inputs().chunks(3).collect();
    let (other, summary) = (&[0.0, 0.0, 1.0], data.train.table().unwrap());
    assert_eq!(
        inputs,
        [&[0.0, 1.0, 0.0], &[1.0, 0.0, 0.0], other, other, other]
    );
    assert_eq!((summary.inputs[0].missing, summary.inputs[0].other), (2, 1));
    // A category may be spelt as a missing value is.
    let data = read(text, "label=y&test=0&categories=c:NA").unwrap();
    assert_eq!(data.train.input(4).unwrap(), [1.0, 0.0]);
    let data = read(text, "label=y&test=0&hash=c:7").unwrap();
    for (position, input) in data.train.inputs().chunks(8).enumerate() {
        let ones: Vec<usize> = (0..8).filter(|&i| input[i] > 0.5).collect();
        assert_eq!(ones.len(), 1);
        assert_eq!(ones == [7], position >= 3, "{position}: {ones:?}");
    }
}

#[test]
fn a_hash_spreads_texts_and_differs_from_column_to_column() {
    let rows: String = (0..400).map(|i| format!("t{i},t{i},{}\n", i % 2)).collect();
    let data = read(&format!("a,b,y\n{rows}"), "label=y&test=0&hash=a:16,b:16").unwrap();
    let (mut counts, mut same) = ([0_usize; 16], 0);
    for input in data.train.inputs().chunks(34) {
        let at = |from: usize| (0..17).position(|i| input[from + i] > 0.5).unwrap();
        counts[at(0)] += 1;
        same += usize::from(at(0) == at(17));
    }
    // Binomial(400, 1/16): mean 25, standard deviation 4.8.
    assert!(
        counts.iter().all(|&count| (6..=44).contains(&count)),
        "{counts:?}"
    );
    assert!((6..=44).contains(&same), "{same}");
}

#[test]
fn missing_numbers_are_treated_as_told() {
    let text = "a,b,y\n1,,u\nNaN,4,v\n5,6,v\n";
    let read = |options: &str| {
        read(text, &format!("label=y&test=0&{options}"))
            .unwrap()
            .train
    };
    let data = read("missing=drop");
    assert_eq!(data.inputs(), [5.0, 6.0]);
    assert_eq!(data.table().unwrap().dropped_rows, 2);
    assert_eq!(
        read("missing=-1").inputs(),
        [1.0, -1.0, -1.0, 4.0, 5.0, 6.0]
    );
    let marked = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 4.0, 0.0, 5.0, 0.0, 6.0, 0.0];
    assert_eq!(read("missing=mark").inputs(), marked);
    // A number that is filled in is on the scale of the column's own.
    let data = read("missing=2&range=b:2:6");
    assert_eq!(data.inputs(), [1.0, -1.0, 2.0, 0.0, 5.0, 1.0]);
    for word in ["", "NA", "n/a", "#N/A", "nan", "NULL", "None", "<NA>", "?"] {
        let text = format!("a,b,y\n1,{word},u\n3,4,v\n");
        refused(&text, "label=y", "line 2, column `b`");
        let error = read_plain(&text).unwrap_err().to_string();
        assert!(error.contains("&missing=mark"), "{error}");
    }
}

fn read_plain(text: &str) -> Result<Data, DataError> {
    read(text, "label=y")
}

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
fn what_is_no_class_is_refused() {
    let rows = |label: &dyn Fn(u32) -> String, rows: u32| -> String {
        let rows = (0..rows).map(|i| format!("{i},{}\n", label(i)));
        "x,y\n".to_owned() + &rows.collect::<String>()
    };
    refused(
        rows(&|i| i.to_string(), 200),
        "label=y",
        "has 200 distinct value(s) in 200 rows",
    );
    refused(
        rows(&|i| (i % 150).to_string(), 900),
        "label=y",
        "a quantity",
    );
    refused(
        rows(&|i| format!("{}.5", i % 30), 900),
        "label=y",
        "a quantity",
    );
    refused(rows(&|i| format!("name {i}"), 30), "label=y", "names rows");
    refused(
        rows(&|_| "1".to_owned(), 30),
        "label=y",
        "nothing to tell apart",
    );
    let digits = rows(&|i| (i % 100).to_string(), 900);
    assert_eq!(
        read(&digits, "label=y").unwrap().train.class_names().len(),
        100
    );
    let declared = ["1", "2"].map(str::to_owned);
    let one = rows(&|_| "1".to_owned(), 30);
    assert!(read_with(&one, "label=y", Some(&declared)).is_ok());
    let error = read_with(&digits, "label=y", Some(&declared)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not one of the classes declared"),
        "{error}"
    );
}

#[test]
fn records_know_the_lines_they_are_in() {
    let text = "x,y\n1,a\n\n2,b\n\"3\",\"a\"\n4,\nb,\n5,b\n";
    let data = read(text, "label=y&test=0&missing=drop&hash=x").unwrap();
    assert_eq!(data.train.lines().unwrap(), [2, 4, 5, 8]);
    refused(
        text.replace("b,\n", "b\n"),
        "label=y&missing=drop&hash=x",
        "line 7: 1 cells",
    );
    let returns = text.replace('\n', "\r");
    let data = read(&returns, "label=y&test=0&missing=drop&hash=x").unwrap();
    assert_eq!(data.train.lines().unwrap(), [2, 4, 5, 8]);
    let text = text.replace('\n', "\r\n");
    let data = read(&text, "label=y&test=0&missing=drop&hash=x").unwrap();
    assert_eq!(data.train.lines().unwrap(), [2, 4, 5, 8]);
}

#[test]
fn records_are_asked_for_by_line() {
    let data = read(&table(), PEOPLE).unwrap();
    let manifest = Manifest::new(&data.train, "", Digest::from([1; 32]), HeldOut::NONE).unwrap();
    let manifest = manifest.with_test(&data.test);
    let manifest = Manifest::from_bytes(&manifest.to_bytes().unwrap()).unwrap();
    let all = Selection::all(manifest.len());
    let resolve = |text: &str| {
        text.parse::<RecordRequest>()
            .unwrap()
            .resolve(&manifest, &all)
    };
    let lines = data.train.lines().unwrap();
    let (position, line) = (17, lines[17]);
    assert_ne!(position as u64, line);
    let found = resolve(&format!("line:{line}")).unwrap();
    assert_eq!(found.positions(), [position]);
    // The age in the table is the number of the row, and its line is two more.
    assert_eq!(data.train.input(position).unwrap()[0] as u64 + 2, line);
    assert_eq!(
        manifest.lines_of(&found).unwrap().to_string(),
        line.to_string()
    );
    let every = resolve("line:2-201").unwrap();
    assert_eq!(every, all);
    let test = data.test.lines().unwrap()[0];
    let error = resolve(&format!("line:{test}")).unwrap_err();
    assert_eq!(error, RequestError::NeverTrainedOn { records: 1 });
    for unknown in ["line:1", "line:202", "line:0-18446744073709551615"] {
        let error = resolve(unknown).unwrap_err();
        assert!(
            matches!(error, RequestError::UnknownLine { last: 201, .. }),
            "{error}"
        );
    }
    let digits = load(&DataSource::Digits, None).unwrap().train;
    let manifest = Manifest::new(&digits, "", Digest::from([1; 32]), HeldOut::NONE).unwrap();
    let all = Selection::all(manifest.len());
    let request: RecordRequest = "line:3".parse().unwrap();
    assert_eq!(request.resolve(&manifest, &all), Err(RequestError::NoLines));
}

#[test]
fn what_was_found_is_summed_up() {
    let text = "n,age,y\n1,20,b\n2,30.5,a\n3,-4,b\n";
    let data = read(text, "label=y&test=0").unwrap();
    let found = data.train.table().unwrap();
    assert_eq!((found.rows, found.bytes), (3, 3 * 2 * 4));
    assert_eq!(found.classes, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    let [n, age] = &found.inputs[..] else {
        panic!("{found:?}");
    };
    assert_eq!((n.range, n.counts_rows), (Some((1.0, 3.0)), true));
    assert_eq!((age.range, age.counts_rows), (Some((-4.0, 30.5)), false));
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
    assert_eq!(told, [1024, 2048, 3072]);
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
