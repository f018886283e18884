//! No circles, neither among the crates nor among the modules of a crate: whatever uses something can
//! be read after it, and tested with it.
//!
//! An arrow is a path that leads to an item of another file. A call of a method is none: who has the
//! value knows its type already.

mod crates;
mod graph;
mod modules;
mod names;
mod planted;

use crates::{Crates, out_of_order};
use graph::Graph;
use modules::Crate;
use std::path::Path;

/// The crates by their folders, lowest first: each may know those in lower layers, and no others.
const LAYERS: &[&[&str]] = &[
    &["pickle"],
    &["curvature", "network", "data", "privacy"],
    &["unlearn"],
    &["certificate"],
    &["run"],
    &["rescind"],
    &["evaluate", "service"],
    &["cli"],
    &["python", "tools", "xtask"],
];

fn workspace() -> Crates {
    Crates::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

#[test]
fn crates_form_no_circle_and_know_only_what_is_below_them() {
    let crates = workspace();
    let graph = crates.arrows();
    assert!(graph.arrows().count() > 5, "the manifests were not read");
    assert_eq!(circles(&graph), "");
    assert_eq!(out_of_order(&crates, LAYERS), [""; 0]);
}

#[test]
fn modules_form_no_circle() {
    let mut wrong = String::new();
    for (name, folder) in workspace().folders() {
        let graph = Crate::read(&folder.join("src")).arrows();
        for circle in graph.circles() {
            wrong += &format!("crates/{name}/src has {}", graph.describe(&circle));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The circles of a graph in words, empty if there are none.
fn circles(graph: &Graph) -> String {
    let circles = graph.circles();
    let described = circles.iter().map(|circle| graph.describe(circle));
    described.collect()
}
