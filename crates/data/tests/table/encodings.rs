//! Encodings, which no other row has a say in.

use super::support::*;
use rescind_data::*;

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

/// One system composes a letter and its accent, another writes one after the other.
#[test]
fn texts_that_look_the_same_are_the_same() {
    let (whole, parts) = ("K\u{e4}se", "Ka\u{308}se");
    let text = format!("{parts},c,y\n1,{whole},{whole}\n2,{parts},{parts}\n3,x,x\n");
    let column = whole.replace('K', "k");
    let text = text.replacen(parts, &parts.replace('K', "k"), 1);
    for encoding in ["hash=c:7".to_owned(), format!("categories=c:{parts}|x")] {
        let options = format!("label=y&test=0&{encoding}&range={column}:0:1");
        let data = read(&text, &options).unwrap();
        assert_eq!(data.train.class_names(), [whole, "x"]);
        assert_eq!(data.train.labels(), [0, 0, 1]);
        let width = data.train.input_shape()[0];
        let rows: Vec<&[f32]> = data.train.inputs().chunks(width).collect();
        assert_eq!(rows[0][1..], rows[1][1..], "{encoding}");
        assert_ne!(rows[0][1..], rows[2][1..], "{encoding}");
    }
}
