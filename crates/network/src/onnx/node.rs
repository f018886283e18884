//! Nodes of the graph, as they are asked.

use super::proto::{Attribute, Node};

impl Node {
    /// How it is called in messages.
    pub fn label(&self) -> String {
        let kind = match self.domain.as_str() {
            "" | "ai.onnx" => self.op_type.clone(),
            domain => format!("{domain}.{}", self.op_type),
        };
        match (self.name.as_str(), self.output.first()) {
            ("", Some(output)) => format!("{kind} that gives {output:?}"),
            ("", None) => kind,
            (name, _) => format!("{kind} {name:?}"),
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attribute.iter().find(|own| own.name == name)
    }

    pub fn integer(&self, name: &str, usual: i64) -> i64 {
        self.attribute(name).map_or(usual, |own| own.i)
    }

    pub fn float(&self, name: &str, usual: f32) -> f32 {
        self.attribute(name).map_or(usual, |own| own.f)
    }

    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|own| own.ints.as_slice())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        let own = self.attribute(name)?;
        std::str::from_utf8(&own.s).ok()
    }

    /// A small number that was written in decimals, as it was written.
    pub fn epsilon(&self) -> f64 {
        let epsilon = self.float("epsilon", 1e-5);
        epsilon.to_string().parse().unwrap_or(f64::from(epsilon))
    }
}
