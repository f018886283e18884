//! Text that a terminal shows and does not obey.

use std::fmt::Write as _;

/// Whether a character may stand in a certificate: no line break, no control character, none that turns
/// the direction of what follows, and none that takes no room and tells two texts apart that look alike.
pub(crate) fn is_printable(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
    );
    let hides = matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
    );
    !character.is_control() && !turns && !hides
}

/// Whether a text names somebody or something: of 1 to 100 characters, all of them shown, a letter or
/// a digit among them, no blanks but single spaces between others.
#[must_use]
pub fn is_name(text: &str) -> bool {
    says_something(text, 100)
}

/// Whether a text is one of so many characters, all of them shown, a letter or a digit among them, no
/// blanks but single spaces between others: it cannot lay itself out as a line or a table of its own.
pub(crate) fn says_something(text: &str, longest: usize) -> bool {
    let blank = |c: char| c.is_whitespace() && c != ' ';
    text.chars().count() <= longest
        && text.chars().all(|c| is_printable(c) && !blank(c))
        && text.chars().any(char::is_alphanumeric)
        && text.trim() == text
        && !text.contains("  ")
}

/// The text with every other character as an escape such as `\u{1b}`: on one line, whoever wrote it.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_printable(character) {
            safe.push(character);
        } else {
            // Writing to a string does not fail.
            let _ = write!(safe, "{}", character.escape_unicode());
        }
    }
    safe
}

/// Somebody's name between quotation marks: where it ends, nobody who is named decides. What has no shape
/// of its own, or looks like a quotation mark, is shown as an escape.
pub(crate) fn quoted(name: &str) -> String {
    let mut safe = String::with_capacity(name.len() + 2);
    for character in format!("{name:?}").chars() {
        match character {
            '\u{ab}'
            | '\u{bb}'
            | '\u{2ba}'
            | '\u{2dd}'
            | '\u{2ee}'
            | '\u{5f4}'
            | '\u{201c}'..='\u{201f}'
            | '\u{2033}'
            | '\u{2036}'
            | '\u{2039}'
            | '\u{203a}'
            | '\u{275d}'
            | '\u{275e}'
            | '\u{2760}'
            | '\u{276e}'
            | '\u{276f}'
            | '\u{300c}'..='\u{300f}'
            | '\u{301d}'..='\u{301f}'
            | '\u{ff02}' => {
                // Writing to a string does not fail.
                let _ = write!(safe, "{}", character.escape_unicode());
            }
            other => safe.push(other),
        }
    }
    safe
}

/// Several names, each between quotation marks.
pub(crate) fn quoted_all(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{escaped, is_name, is_printable, quoted};

    #[test]
    fn a_name_ends_where_its_quotation_mark_stands() {
        assert_eq!(quoted("Zoë, 東京"), "\"Zoë, 東京\"");
        assert_eq!(quoted("it is proved\". A"), "\"it is proved\\\". A\"");
        assert_eq!(quoted("A.\u{ad} Smith"), "\"A.\\u{ad} Smith\"");
        assert_eq!(
            quoted("A” (proved) “B"),
            "\"A\\u{201d} (proved) \\u{201c}B\""
        );
    }

    #[test]
    fn what_a_terminal_obeys_is_shown_as_an_escape() {
        assert_eq!(escaped("a\nok\t\u{1b}[8m"), "a\\u{a}ok\\u{9}\\u{1b}[8m");
        assert_eq!(escaped("\u{202e}x\u{9b}"), "\\u{202e}x\\u{9b}");
        for nobody in [
            "",
            " ",
            "-",
            "\u{200b}",
            "\u{3164}",
            "\u{200f}a",
            "A.\u{ad} Smith",
            "A.\u{2800}Smith",
            "A\u{fe0f}",
            "a\nb",
            "A.  Smith",
            " A. Smith",
            "A.\u{a0}Smith",
            "A.\u{3000}Smith",
            &"a".repeat(101),
        ] {
            assert!(!is_name(nobody), "{nobody:?}");
        }
        assert!(is_name("A. Smith") && is_name("東京"));
        for text in ["Zoë, 東京", "کارشناس\u{200c}ها", "α ≤ 1 %"] {
            assert_eq!(escaped(text), text);
            assert!(text.chars().all(is_printable));
        }
    }
}
