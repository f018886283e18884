//! The crates of the workspace: which one knows which.

use crate::graph::Graph;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The workspace's crates by the names of their folders.
pub struct Crates {
    folders: BTreeMap<String, PathBuf>,
    manifests: BTreeMap<String, Table>,
}

impl Crates {
    /// Reads the manifests of the crates in a folder.
    pub fn read(folder: &Path) -> Self {
        let mut crates = Crates {
            folders: BTreeMap::new(),
            manifests: BTreeMap::new(),
        };
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = fs::read_to_string(path.join("Cargo.toml")) else {
                continue;
            };
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let manifest = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
            crates.manifests.insert(name.clone(), manifest);
            crates.folders.insert(name, path);
        }
        crates
    }

    /// Names and folders.
    pub fn folders(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.folders
            .iter()
            .map(|(name, path)| (name.as_str(), path.as_path()))
    }

    /// An arrow for every dependency of a crate on another one, for whatever purpose. A crate that
    /// tests itself with other features does not thereby know another one.
    pub fn arrows(&self) -> Graph {
        let packages: BTreeMap<&str, &str> = self
            .manifests
            .iter()
            .map(|(name, manifest)| (manifest["package"]["name"].as_str().unwrap(), name.as_str()))
            .collect();
        let mut graph = Graph::default();
        for (name, manifest) in &self.manifests {
            for (dependency, value) in dependencies(manifest) {
                let package = value.get("package").and_then(Value::as_str);
                if let Some(known) = packages.get(package.unwrap_or(dependency)) {
                    graph.add(name, known, dependency);
                }
            }
        }
        graph
    }
}

/// Every dependency, also those of one platform.
fn dependencies(manifest: &Table) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for (key, value) in manifest {
        let Value::Table(table) = value else { continue };
        match key.as_str() {
            "dependencies" | "dev-dependencies" | "build-dependencies" => {
                found.extend(table.iter().map(|(name, value)| (name.as_str(), value)));
            }
            "target" => {
                let platforms = table.values().filter_map(Value::as_table);
                found.extend(platforms.flat_map(dependencies));
            }
            _ => {}
        }
    }
    found
}

/// What breaks the order of `layers`, lowest first: an arrow that does not run downwards, and a crate
/// that no layer has.
pub fn out_of_order(crates: &Crates, layers: &[&[&str]]) -> Vec<String> {
    let layer = |name: &str| layers.iter().position(|layer| layer.contains(&name));
    let mut wrong: Vec<String> = crates
        .folders()
        .filter(|(name, _)| layer(name).is_none())
        .map(|(name, _)| format!("{name} is in no layer"))
        .collect();
    let graph = crates.arrows();
    let up = graph.arrows().filter(|(from, to)| layer(from) <= layer(to));
    wrong.extend(up.map(|(from, to)| format!("{from} knows {to}, which is not below it")));
    wrong
}
