//! What is known halfway, and what nodes ask of it.

use super::builder::Builder;
use super::constant::{self, Constant};
use super::patterns::{Flow, Part, Value};
use super::proto::{Node, Tensor};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Why a node gives nothing.
pub(super) enum Stop {
    /// It is no layer of this program: why not.
    Refused(String),
    /// What it takes was refused already.
    Follows,
}

impl<S: Into<String>> From<S> for Stop {
    fn from(why: S) -> Self {
        Self::Refused(why.into())
    }
}

/// What is known halfway.
pub(super) struct Translator<'m> {
    pub builder: Builder,
    /// What the nodes so far give.
    pub values: HashMap<&'m str, Value>,
    pub tensors: HashMap<&'m str, &'m Tensor>,
    pub beside: &'m HashMap<String, Vec<u8>>,
    /// How many nodes take a value, the graph's output counted as one.
    pub uses: HashMap<&'m str, usize>,
    /// Matrices and kernels that a layer has: shared by two, they would be one parameter.
    pub taken: HashSet<&'m str>,
    /// The number of records that the file is made for, if it is fixed.
    pub records: Option<i64>,
    /// The version of ONNX's own operators.
    pub version: i64,
    pub output: &'m str,
}

impl<'m> Translator<'m> {
    /// A tensor's values.
    pub fn read(&self, tensor: &Tensor) -> Result<Constant, Stop> {
        constant::read(tensor, self.beside).map_err(|error| error.to_string().into())
    }

    /// Whether a node has this input.
    pub fn has(&self, node: &Node, at: usize) -> bool {
        node.input.get(at).is_some_and(|name| !name.is_empty())
    }

    /// Whether this node alone takes what it takes.
    pub fn alone(&self, node: &'m Node, at: usize) -> bool {
        let name = node.input.get(at).map_or("", String::as_str);
        self.uses.get(name) == Some(&1)
    }

    /// What a node takes.
    pub fn argument(&mut self, node: &'m Node, at: usize) -> Result<Value, Stop> {
        match node.input.get(at).map(String::as_str) {
            None | Some("") => Err(format!("input {at} is missing").into()),
            Some(name) => self.value(name),
        }
    }

    fn value(&mut self, name: &'m str) -> Result<Value, Stop> {
        if let Some(value) = self.values.get(name) {
            return match value {
                Value::Refused => Err(Stop::Follows),
                value => Ok(value.clone()),
            };
        }
        let tensor = self.tensors.get(name);
        let tensor = *tensor.ok_or_else(|| format!("nothing before it gives {name:?}"))?;
        let value = Value::Constant(Rc::new(self.read(tensor)?));
        self.values.insert(name, value.clone());
        Ok(value)
    }

    /// What a layer gives.
    pub fn flow(&mut self, node: &'m Node, at: usize) -> Result<Flow, Stop> {
        match node.input.get(at).map(String::as_str) {
            None | Some("") => Err(format!("input {at} is missing").into()),
            Some(name) => self.flow_of(name),
        }
    }

    pub fn flow_of(&mut self, name: &'m str) -> Result<Flow, Stop> {
        match self.value(name)? {
            Value::Flow(flow) => Ok(flow),
            Value::Part(Part::Norm(norm)) => {
                let flow = self.builder.norm(&norm, None)?;
                self.values.insert(name, Value::Flow(flow.clone()));
                Ok(flow)
            }
            Value::Part(Part::Scaled { of, .. }) if of.node == "input" => Err(
                "it takes inputs that are multiplied by a number: leave that out, and have them scaled \
                 by --scaling"
                    .into(),
            ),
            Value::Part(_) => Err(
                "what it takes is computed from a layer in a way that no layer here has".into()
            ),
            Value::Constant(_) => Err("a constant stands where the records should".into()),
            Value::Lengths(_) => Err("the shape of a tensor stands where its values should".into()),
            Value::Refused => Err(Stop::Follows),
        }
    }

    /// What is known.
    pub fn constant(&mut self, node: &'m Node, at: usize) -> Result<Rc<Constant>, Stop> {
        match self.argument(node, at)? {
            Value::Constant(constant) => Ok(constant),
            _ => Err(
                format!("input {at} is computed from the records, not a tensor of the file").into(),
            ),
        }
    }

    /// So many numbers of a tensor of the file.
    pub fn floats(&mut self, node: &'m Node, at: usize, count: usize) -> Result<Vec<f32>, Stop> {
        let constant = self.constant(node, at)?;
        match constant.floats() {
            Some(values) if values.len() == count => Ok(values.to_vec()),
            Some(values) => {
                Err(format!("input {at} has {} values, not {count}", values.len()).into())
            }
            None => Err(format!("input {at} holds whole numbers").into()),
        }
    }

    /// A matrix or kernel, which no other layer has; its name without the end.
    pub fn matrix(&mut self, node: &'m Node, at: usize) -> Result<(Rc<Constant>, String), Stop> {
        let name = node.input.get(at).map_or("", String::as_str);
        let constant = self.constant(node, at)?;
        if !self.taken.insert(name) {
            return Err(format!(
                "it shares {name:?} with another layer: here every layer has weights of its own"
            )
            .into());
        }
        let named = match name.strip_suffix(".weight") {
            Some(layer) if !layer.is_empty() => layer.to_owned(),
            _ => layer_name(node),
        };
        Ok((constant, named))
    }
}

/// A name for the layer that a node becomes.
pub(super) fn layer_name(node: &Node) -> String {
    let kind = &node.op_type;
    let inner = node
        .name
        .strip_suffix(kind)
        .and_then(|name| name.strip_suffix('/'));
    match inner.unwrap_or(&node.name).trim_start_matches('/') {
        "" => kind.to_lowercase(),
        name => name.to_owned(),
    }
}
