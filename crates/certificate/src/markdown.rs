//! A certificate as Markdown.

use super::printable::is_printable;
use super::record::Certificate;
use super::rows::sections;
use super::statement::statement;

impl Certificate {
    /// The whole certificate as Markdown: a heading and a table for each section. Text that came
    /// from outside cannot add markup.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut page = format!("# Certificate of unlearning, release {}\n\n", self.release);
        page += &format!("{}\n", escaped(&statement(self)));
        for section in sections(self) {
            page += &format!("\n## {}\n\n| | |\n|---|---|\n", escaped(&section.title));
            for (label, value) in section.rows {
                page += &format!("| {} | {} |\n", escaped(&label), escaped(&value));
            }
        }
        page += "\n## What this takes for granted\n\n";
        for assumption in &self.assumptions {
            page += &format!("- {}\n", escaped(&assumption.text(self)));
        }
        page += "\nThe signature is in certificate.json, which alone is the certificate.\n";
        page
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            other if !is_printable(other) => safe.push(' '),
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '#' | '\\' | '^' | '~' | '&' | '@' => {
                safe.extend(['\\', character]);
            }
            other => safe.push(other),
        }
    }
    // Some readers make links of addresses that stand in a text.
    safe.replace("://", ":\\/\\/").replace("www.", "www\\.")
}
