//! Lists of people.

use proptest::prelude::*;
use rescind_data::{SubjectsError, read_subjects};

fn read(text: &str) -> Result<Vec<String>, SubjectsError> {
    read_subjects(text.as_bytes(), Some("member"))
}

#[test]
fn lists_are_read_however_they_are_written() {
    for text in [
        "ann\nbob\n",
        "\u{feff}ann\r\n\r\n  bob \r\nann\r\n",
        "member\nann\nbob\n",
        "member,since\nann,2020\nbob,2021\n",
        "since,id\n2020,ann\n2021,\"bob\"\n",
        "since;member\n2020;ann\n2021;\"bob\"\n",
        "\"member\"\tsince\r\nann\t\r\nbob\t2021\r\n",
        "[\"ann\", \"bob\"]",
        "{\"member\": \"ann\", \"id\": 7}\n\n{\"subject\": \"bob\"}\n",
    ] {
        assert_eq!(read(text).unwrap(), ["ann", "bob"], "{text:?}");
    }
    assert_eq!(
        read("[17, \"Zo\u{65}\u{308}\"]").unwrap(),
        ["17", "Zo\u{eb}"]
    );
    assert_eq!(read("17\n18").unwrap(), ["17", "18"]);
    assert_eq!(read("id 7;8\nx|y").unwrap(), ["id 7;8", "x|y"]);
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        let units = "\u{feff}ann\r\nZo\u{eb}\r\n".encode_utf16();
        units.flat_map(order).collect::<Vec<u8>>()
    };
    for file in [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        assert_eq!(read_subjects(&file, None).unwrap(), ["ann", "Zo\u{eb}"]);
    }
    assert_eq!(read("\"Lee, Ann\"\n").unwrap(), ["Lee, Ann"]);
}

#[test]
fn lists_of_something_else_are_refused() {
    assert_eq!(read_subjects(b"a\xff", None), Err(SubjectsError::NotText));
    for empty in ["", "\n \r\n", "member\n", "[]"] {
        assert_eq!(read(empty), Err(SubjectsError::Empty), "{empty:?}");
    }
    let error = read("name,age\nann,7\n").unwrap_err().to_string();
    assert!(
        error.contains("name, age") && error.contains("`member`"),
        "{error}"
    );
    for (text, line) in [("[true]", 1), ("{\"id\": 1}\n\n{\"x\": 1}", 3), ("{\n", 1)] {
        match read(text) {
            Err(SubjectsError::Line { line: at, .. }) => assert_eq!(at, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(subjects) = read_subjects(&bytes, Some("m")) {
            prop_assert!(subjects.iter().all(|subject| !subject.is_empty()));
        }
    }
}
