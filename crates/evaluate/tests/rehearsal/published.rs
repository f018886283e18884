//! What an attacker is handed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Everything about a release but its noise.
#[derive(Clone)]
pub struct Published {
    /// The released weights.
    pub weights: Vec<f64>,
    /// Every leaf of every JSON document, every line of every text, every file's name with its size
    /// and mode, by where it stands.
    pub facts: BTreeMap<String, String>,
}

impl Published {
    /// All of a run that others can see: what lies outside `private/`.
    pub fn of(root: &Path, weights: &[f32], outcome: &str) -> Self {
        let mut facts = BTreeMap::from([("outcome".to_owned(), outcome.to_owned())]);
        look(root, "", &mut facts);
        Self {
            weights: weights.iter().map(|&w| f64::from(w)).collect(),
            facts,
        }
    }
}

fn look(folder: &Path, below: &str, facts: &mut BTreeMap<String, String>) {
    for item in fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let name = format!("{below}/{}", item.file_name().to_string_lossy());
        let (metadata, path) = (item.metadata().unwrap(), item.path());
        // What only the owner can read is not published.
        if metadata.mode() & 0o077 == 0 {
            continue;
        }
        facts.insert(format!("mode of {name}"), format!("{:o}", metadata.mode()));
        if metadata.is_dir() {
            look(&path, &name, facts);
            continue;
        }
        facts.insert(format!("size of {name}"), metadata.len().to_string());
        let bytes = fs::read(&path).unwrap();
        if let Ok(document) = serde_json::from_slice::<Value>(&bytes) {
            leaves(&name, &document, facts);
        } else if let Ok(text) = String::from_utf8(bytes) {
            for (number, line) in text.lines().enumerate() {
                facts.insert(format!("{name}:{number}"), line.to_owned());
            }
        }
    }
}

fn leaves(at: &str, value: &Value, facts: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(&format!("{at}.{name}"), member, facts);
            }
        }
        Value::Array(items) => {
            facts.insert(format!("{at}.length"), items.len().to_string());
            for (index, item) in items.iter().enumerate() {
                leaves(&format!("{at}.{index}"), item, facts);
            }
        }
        Value::String(text) => {
            // The envelope of a signed document holds it in base64.
            let inner = BASE64_STANDARD.decode(text).ok();
            let inner = inner.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            if let Some(inner @ Value::Object(_)) = inner {
                leaves(at, &inner, facts);
            }
            facts.insert(at.to_owned(), text.clone());
        }
        leaf => {
            facts.insert(at.to_owned(), leaf.to_string());
        }
    }
}
