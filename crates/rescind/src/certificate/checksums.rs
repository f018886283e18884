//! Which field was edited.

use super::canonical::canonical;
use serde_json::Value;
use std::collections::BTreeMap;

/// Eight hexadecimal digits of BLAKE3 over the canonical form of every leaf (empty arrays and
/// objects included) by its JSON pointer, all members but `checksums` and `signature`.
pub(crate) fn checksums(document: &Value) -> BTreeMap<String, String> {
    let mut sums = BTreeMap::new();
    if let Value::Object(members) = document {
        for (name, value) in members {
            if name != "checksums" && name != "signature" {
                descend(format!("/{}", escaped(name)), value, &mut sums);
            }
        }
    }
    sums
}

fn descend(pointer: String, value: &Value, sums: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                descend(format!("{pointer}/{}", escaped(name)), value, sums);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                descend(format!("{pointer}/{index}"), item, sums);
            }
        }
        leaf => {
            // Scalars always have a canonical form; text is a substitute that cannot equal one.
            let bytes = canonical(leaf).unwrap_or_else(|error| error.to_string().into_bytes());
            let hash = blake3::hash(&bytes).to_hex();
            sums.insert(pointer, hash.as_str().chars().take(8).collect());
        }
    }
}

/// RFC 6901.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
