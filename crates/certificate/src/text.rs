//! A certificate as plain text.

use super::printable::is_printable;
use super::record::Certificate;
use super::rows::sections;
use super::statement::statement;
use std::fmt;

const WIDTH: usize = 96;

impl fmt::Display for Certificate {
    /// The whole certificate for a terminal or a printer, 96 columns wide where values allow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "CERTIFICATE OF UNLEARNING, RELEASE {}\n", self.release)?;
        wrap(f, "", &statement(self))?;
        for section in sections(self) {
            writeln!(f, "\n{}", section.title.to_uppercase())?;
            for (label, value) in section.rows {
                wrap(f, &format!("  {label}: "), &value)?;
            }
        }
        writeln!(f, "\nWHAT THIS TAKES FOR GRANTED")?;
        for assumption in &self.assumptions {
            wrap(f, "  - ", &assumption.text(self))?;
        }
        writeln!(
            f,
            "\nThe signature is in certificate.json, which alone is the certificate."
        )
    }
}

/// Breaks a text at spaces, but not within quotation marks: what somebody else said stands on no line of
/// its own. All lines but the first are indented.
fn wrap(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let indent = if label.is_empty() { "" } else { "    " };
    let mut line = label.trim_end().to_owned();
    // Names from outside must not reach a terminal as control sequences.
    let text: String = text
        .chars()
        .map(|c| if is_printable(c) { c } else { ' ' })
        .collect();
    for word in words(&text) {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.trim() != label.trim() {
            writeln!(f, "{line}")?;
            line = format!("{indent}{word}");
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    writeln!(f, "{line}")
}

/// What lies between spaces that are not within quotation marks.
fn words(text: &str) -> Vec<&str> {
    let (mut within, mut escaped) = (false, false);
    let ends = text.split(move |character: char| {
        match character {
            '"' if !escaped => within = !within,
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        character == ' ' && !within
    });
    ends.filter(|word| !word.is_empty()).collect()
}
