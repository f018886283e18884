//! The manual of descriptions: every network in it can be built, every kind of layer is in its table.

use rescind_network::{Network, NetworkDescription};
use std::fs;
use std::path::Path;

#[test]
fn the_networks_of_the_manual_can_be_built() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = fs::read_to_string(docs.join("network.md")).unwrap();
    let blocks: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let description: NetworkDescription = serde_json::from_str(block).unwrap();
        assert!(Network::new(description).unwrap().parameter_count() > 0);
    }
    let unknown = serde_json::from_str::<NetworkDescription>(
        r#"{"input": [1], "nodes": [{"name": "a", "layer": {"kind": "?"}, "inputs": []}], "output": "a"}"#,
    );
    // The error lists the kinds that there are.
    let unknown = unknown.unwrap_err().to_string();
    let kinds = unknown.split('`').skip(3).step_by(2).collect::<Vec<_>>();
    assert!(kinds.len() >= 10, "{unknown}");
    for kind in kinds {
        assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
    }
}
