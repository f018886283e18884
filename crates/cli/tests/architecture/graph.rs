//! Arrows between named nodes, and the circles that they form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Who uses whom, and the names by which.
#[derive(Default)]
pub struct Graph {
    arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Graph {
    /// `from` uses `to` by `name`. What uses itself says nothing.
    pub fn add(&mut self, from: &str, to: &str, name: &str) {
        if from != to {
            let targets = self.arrows.entry(from.to_owned()).or_default();
            let names = targets.entry(to.to_owned()).or_default();
            names.insert(name.to_owned());
        }
    }

    /// The arrows: who, whom.
    pub fn arrows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.arrows
            .iter()
            .flat_map(|(from, targets)| targets.keys().map(move |to| (from.as_str(), to.as_str())))
    }

    /// Strongly connected components of more than one node.
    pub fn circles(&self) -> Vec<BTreeSet<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> = self
            .arrows
            .keys()
            .map(|from| (from.as_str(), self.reached_from(from)))
            .collect();
        let mut circles: Vec<BTreeSet<&str>> = Vec::new();
        for (&node, forward) in &reached {
            if !forward.contains(node) || circles.iter().any(|circle| circle.contains(node)) {
                continue;
            }
            let returns = |other: &&str| reached.get(other).is_some_and(|b| b.contains(node));
            circles.push(forward.iter().copied().filter(returns).collect());
        }
        circles
    }

    fn reached_from<'a>(&'a self, start: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            for target in self.arrows.get(node).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(target.as_str()) {
                    open.push(target);
                }
            }
        }
        reached
    }

    /// A circle for people: its members, and the names on the arrows among them.
    pub fn describe(&self, circle: &BTreeSet<&str>) -> String {
        let mut text = format!("a circle of {}:\n", circle.len());
        for (from, targets) in &self.arrows {
            for (to, names) in targets {
                if circle.contains(from.as_str()) && circle.contains(to.as_str()) {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let _ = writeln!(text, "  {from} -> {to}: {}", names.join(", "));
                }
            }
        }
        text
    }
}
