//! Texts that readers see.

use super::collector::Collector;
use crate::printable::{escaped, is_printable};
use crate::record::Certificate;
use serde_json::Value;

/// Every text of a certificate, names of settings included, is printable on one line: none can pass
/// for a line of a report, or hide one.
pub fn printable(certificate: &Certificate, all: &mut Collector) {
    // What cannot be written down is found by the check of its figures.
    if let Ok(document) = serde_json::to_value(certificate) {
        walk(&document, String::new(), all);
    }
}

fn walk(value: &Value, pointer: String, all: &mut Collector) {
    match value {
        Value::String(text) => require(text, pointer, all),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{index}"), all);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                require(name, pointer.clone(), all);
                walk(member, format!("{pointer}/{name}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn require(text: &str, field: String, all: &mut Collector) {
    all.require(
        text.chars().all(is_printable),
        field,
        escaped(text),
        "text on one line without control characters",
        "such characters change what a reader sees around them",
    );
}
