//! Classes, lines, and what was found.

use super::support::*;
use rescind_data::*;
use std::io::Cursor;

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
    let manifest = manifest.with_test(&data.test).unwrap();
    let manifest = Manifest::open(Cursor::new(manifest.to_bytes().unwrap())).unwrap();
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
        manifest.lines_of(&found).unwrap().unwrap().to_string(),
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

/// Words that stand for a missing value among numbers are names of people and of classes too.
#[test]
fn somebody_is_called_null_and_none_is_a_class() {
    let text = "x,person,y\n1,Null,none\n2,NA,mild\n3,Ann,none\n4,None,mild\n";
    let data = read(text, "label=y&subject=person&test=0").unwrap().train;
    assert_eq!(data.class_names(), ["mild", "none"]);
    assert_eq!(data.subjects().unwrap(), ["Null", "NA", "Ann", "None"]);
    // What no class was declared of is none, and a cell without a text is nobody.
    let classes = ["NA", "mild"].map(str::to_owned);
    let text = "x,y\n1,NA\n2,mild\n3,NA\n";
    let data = read_with(text, "label=y&test=0", Some(&classes))
        .unwrap()
        .train;
    assert_eq!(data.labels(), [0, 1, 0]);
    refused(text, "label=y&test=0", "line 2");
    refused(
        "x,person,y\n1,,a\n2,b,b\n",
        "label=y&subject=person&test=0",
        "line 2",
    );
}
