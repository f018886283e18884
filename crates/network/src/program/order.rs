//! The order of computation of a description's nodes.

use crate::NetworkError;
use crate::description::{NetworkDescription, NodeDescription};
use std::collections::{BTreeSet, HashMap};

const MOST_NODES: usize = 10_000;

/// Checks names and connections and returns the nodes, inputs before their users.
pub(super) fn order_of_computation(
    description: &NetworkDescription,
) -> Result<Vec<&NodeDescription>, NetworkError> {
    let nodes = &description.nodes;
    if nodes.len() > MOST_NODES {
        let (what, found, most) = ("nodes", nodes.len(), MOST_NODES);
        return Err(NetworkError::TooLarge { what, found, most });
    }
    let mut index = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        if node.name == "input" || index.insert(node.name.as_str(), i).is_some() {
            return Err(NetworkError::DuplicateNode {
                name: node.name.clone(),
            });
        }
    }
    let mut waiting = vec![0usize; nodes.len()];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for input in node.inputs.iter().filter(|name| *name != "input") {
            let Some(&from) = index.get(input.as_str()) else {
                let (node, missing) = (node.name.clone(), input.clone());
                return Err(NetworkError::DanglingReference { node, missing });
            };
            users[from].push(i);
            waiting[i] += 1;
        }
    }
    if !index.contains_key(description.output.as_str()) {
        let (node, missing) = ("output".to_owned(), description.output.clone());
        return Err(NetworkError::DanglingReference { node, missing });
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|&i| waiting[i] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(i) = ready.pop_first() {
        order.push(&nodes[i]);
        for &user in &users[i] {
            waiting[user] -= 1;
            if waiting[user] == 0 {
                ready.insert(user);
            }
        }
    }
    if let Some(i) = waiting.iter().position(|&w| w > 0) {
        return Err(NetworkError::Cycle {
            node: nodes[i].name.clone(),
        });
    }
    match nodes
        .iter()
        .enumerate()
        .find(|(i, n)| users[*i].is_empty() && n.name != description.output)
    {
        Some((_, node)) => Err(NetworkError::UnusedNode {
            node: node.name.clone(),
        }),
        None => Ok(order),
    }
}
