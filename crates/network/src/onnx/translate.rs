//! The walk over the graph.

use super::builder::Builder;
use super::constant::{self, Constant};
use super::patterns::{Flow, Part, Value};
use super::proto::{Graph, Model, Node, Tensor, ValueInfo};
use super::{FromOnnx, arithmetic, layers, norms, reshapes};
use crate::{NetworkError, Shape};
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
    values: HashMap<&'m str, Value>,
    tensors: HashMap<&'m str, &'m Tensor>,
    beside: &'m HashMap<String, Vec<u8>>,
    /// How many nodes take a value, the graph's output counted as one.
    uses: HashMap<&'m str, usize>,
    /// Matrices and kernels that a layer has: shared by two, they would be one parameter.
    taken: HashSet<&'m str>,
    /// The number of records that the file is made for, if it is fixed.
    pub records: Option<i64>,
    /// The version of ONNX's own operators.
    pub version: i64,
    output: &'m str,
}

/// The oldest version of operators that are as this program takes them, and the newest that it was
/// tried with is 25; later ones change what few networks have.
const OLDEST: i64 = 7;

/// The network and the weights of a file of so many bytes.
pub(super) fn network(
    model: &Model,
    beside: &HashMap<String, Vec<u8>>,
    bytes: usize,
) -> Result<FromOnnx, NetworkError> {
    let damaged = |reason: &str| NetworkError::DamagedOnnx {
        reason: reason.to_owned(),
    };
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| damaged("it has no graph"))?;
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let sets = model.opset_import.iter();
    let version = sets.filter(|set| own(&set.domain)).map(|set| set.version);
    let version = version.max().unwrap_or(1);
    let mut problems = Vec::new();
    if version < OLDEST {
        problems.push(format!(
            "its operators are of version {version}: convert it to {OLDEST} or later \
             (onnx.version_converter)"
        ));
    }
    let tensors: HashMap<&str, &Tensor> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let inputs: Vec<&ValueInfo> = graph
        .input
        .iter()
        .filter(|input| !tensors.contains_key(input.name.as_str()))
        .collect();
    let (record, dims, records) = match record(&inputs) {
        Ok((name, dims, records)) => (name, dims, records),
        Err(why) => {
            problems.push(why);
            return Err(NetworkError::ForeignOnnx { problems });
        }
    };
    let output = match graph.output.as_slice() {
        [output] => output.name.as_str(),
        outputs => {
            let names: Vec<&str> = outputs
                .iter()
                .take(5)
                .map(|own| own.name.as_str())
                .collect();
            problems.push(format!(
                "it has {} outputs ({}): export the one that gives a number for each class",
                outputs.len(),
                names.join(", ")
            ));
            return Err(NetworkError::ForeignOnnx { problems });
        }
    };
    let nodes = reached(graph, output);
    let mut uses = HashMap::from([(output, 1)]);
    for input in nodes.iter().flat_map(|node| &node.input) {
        *uses.entry(input.as_str()).or_insert(0) += 1;
    }
    let flow = Flow {
        node: "input".to_owned(),
        dims: dims.clone(),
        pixel: false,
    };
    let size = beside.values().map(Vec::len).sum::<usize>() + bytes;
    let mut translator = Translator {
        builder: Builder::new(size),
        values: HashMap::from([(record, Value::Flow(flow))]),
        tensors,
        beside,
        uses,
        taken: HashSet::new(),
        records,
        version,
        output,
    };
    for node in nodes {
        let value = translator.node(node).unwrap_or_else(|stop| {
            if let Stop::Refused(why) = stop {
                problems.push(format!("{}: {why}", node.label()));
            }
            Value::Refused
        });
        if let Some(name) = node.output.first() {
            translator.values.insert(name, value);
        }
        for name in node.output.iter().skip(1) {
            translator.values.insert(name, Value::Refused);
        }
    }
    let last = match translator.flow_of(output) {
        Ok(flow) if flow.node != "input" => Some(flow),
        Ok(_) => {
            problems.push("its output is the record itself".to_owned());
            None
        }
        Err(Stop::Refused(why)) => {
            problems.push(format!("the output {output:?}: {why}"));
            None
        }
        Err(Stop::Follows) => None,
    };
    let (Some(last), true, Some(input)) = (last, problems.is_empty(), Shape::from_dims(&dims))
    else {
        return Err(NetworkError::ForeignOnnx { problems });
    };
    let (network, weights) = translator.builder.finish(input, last.node)?;
    Ok(FromOnnx { network, weights })
}

type Record<'m> = (&'m str, Vec<usize>, Option<i64>);

/// The name of the one input, the shape of one record, and the number of records where it is fixed.
fn record<'m>(inputs: &[&'m ValueInfo]) -> Result<Record<'m>, String> {
    let [input] = inputs else {
        return Err(format!(
            "it has {} inputs: a network takes one, the records",
            inputs.len()
        ));
    };
    let shape = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let dims = shape.and_then(|tensor| tensor.shape.as_ref());
    let dims = dims.map_or(&[][..], |shape| &shape.dim);
    let (records, rest) = dims.split_first().ok_or_else(|| {
        format!(
            "its input {:?} has no shape: export it with one",
            input.name
        )
    })?;
    let known: Option<Vec<usize>> = rest
        .iter()
        .map(|dim| usize::try_from(dim.value?).ok())
        .collect();
    let known = known.ok_or_else(|| {
        format!(
            "its input {:?} has a length that is not fixed: export it for records of one shape, only \
             their number may be left open",
            input.name
        )
    })?;
    match Shape::from_dims(&known) {
        Some(_) => Ok((input.name.as_str(), known, records.value)),
        None => Err(format!(
            "its input {:?} has the shape {known:?} for each record: expected [features] or [channels, \
             height, width]",
            input.name
        )),
    }
}

/// The nodes that the output follows from, in the order of the file.
fn reached<'m>(graph: &'m Graph, output: &'m str) -> Vec<&'m Node> {
    let mut giver: HashMap<&str, usize> = HashMap::new();
    for (at, node) in graph.node.iter().enumerate() {
        giver.extend(node.output.iter().map(|name| (name.as_str(), at)));
    }
    let mut found = vec![false; graph.node.len()];
    let mut left = vec![output];
    while let Some(name) = left.pop() {
        if let Some(&at) = giver.get(name)
            && !std::mem::replace(&mut found[at], true)
        {
            left.extend(graph.node[at].input.iter().map(String::as_str));
        }
    }
    let nodes = graph.node.iter().zip(found);
    nodes
        .filter(|(_, found)| *found)
        .map(|(node, _)| node)
        .collect()
}

impl<'m> Translator<'m> {
    fn node(&mut self, node: &'m Node) -> Result<Value, Stop> {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err("this program knows the operators of ONNX itself alone".into());
        }
        let flow = |flow: Flow| Ok(Value::Flow(flow));
        match node.op_type.as_str() {
            "Gemm" => flow(layers::gemm(self, node)?),
            "MatMul" => flow(layers::matrix_product(self, node)?),
            "Conv" => flow(layers::convolution(self, node)?),
            "MaxPool" => flow(layers::max_pool(self, node)?),
            "AveragePool" => flow(layers::average_pool(self, node)?),
            "GlobalAveragePool" => flow(layers::global_average(self, node)?),
            "GlobalMaxPool" => flow(layers::global_max(self, node)?),
            "ReduceMean" => flow(layers::reduce_mean(self, node)?),
            "Relu" | "Tanh" | "Softplus" | "Gelu" | "Swish" => {
                flow(layers::activation(self, node)?)
            }
            "BatchNormalization" => flow(norms::batch(self, node)?),
            "GroupNormalization" => flow(norms::group(self, node)?),
            "LayerNormalization" => flow(norms::layer(self, node)?),
            "InstanceNormalization" => norms::instance(self, node),
            "Add" | "Sum" => arithmetic::add(self, node),
            "Mul" => arithmetic::multiply(self, node),
            "Div" => arithmetic::divide(self, node),
            "Erf" => arithmetic::erf(self, node),
            "Sigmoid" => arithmetic::sigmoid(self, node),
            "Greater" => arithmetic::greater(self, node),
            "Where" => arithmetic::choose(self, node),
            "Flatten" => reshapes::flatten(self, node),
            "Reshape" => reshapes::reshape(self, node),
            "Squeeze" | "Unsqueeze" => reshapes::ones(self, node),
            "Shape" => reshapes::shape(self, node),
            "Gather" => reshapes::gather(self, node),
            "Concat" => reshapes::concatenate(self, node),
            "Transpose" => reshapes::transpose(self, node),
            "Constant" => self.literal(node),
            "Identity" => self.argument(node, 0),
            "Cast" => self.cast(node),
            "Dropout" => match self.constant(node, 2) {
                Err(Stop::Follows) | Ok(_) => {
                    Err("it drops at random: export the module after .eval()".into())
                }
                Err(Stop::Refused(_)) => self.argument(node, 0),
            },
            "Softmax" | "LogSoftmax" => self.softmax(node),
            "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Clip" | "HardSwish" | "HardSigmoid"
            | "Mish" | "Celu" | "ThresholdedRelu" => {
                Err("activations are Relu, Gelu, Swish (SiLU), Softplus and Tanh".into())
            }
            "Sub" => Err(
                "no layer subtracts; of inputs leave it out, and have them scaled by --scaling"
                    .into(),
            ),
            _ => Err("no layer of this program".into()),
        }
    }

    /// Numbers stay numbers, and lengths lengths.
    fn cast(&mut self, node: &'m Node) -> Result<Value, Stop> {
        let to = node.integer("to", 0);
        match self.argument(node, 0)? {
            value @ Value::Flow(_) if matches!(to, 1 | 10 | 11 | 16) => Ok(value),
            value @ Value::Lengths(_) if matches!(to, 6 | 7) => Ok(value),
            _ => Err(format!("to ONNX type {to}").into()),
        }
    }

    /// A softmax that gives the output is left out: the loss has one of its own.
    fn softmax(&mut self, node: &'m Node) -> Result<Value, Stop> {
        let flow = self.flow(node, 0)?;
        let is_last = node.output.first().is_some_and(|name| *name == self.output);
        match is_last && self.uses.get(self.output) == Some(&1) && flow.dims.len() == 1 {
            true => Ok(Value::Flow(flow)),
            false => Err("a softmax is taken at the end alone, over the classes".into()),
        }
    }

    fn literal(&self, node: &Node) -> Result<Value, Stop> {
        let scalar = |values| Constant {
            dims: Vec::new(),
            values,
        };
        let constant = if let Some(tensor) = node.attribute("value").and_then(|own| own.t.as_ref())
        {
            self.read(tensor)?
        } else if let Some(own) = node.attribute("value_float") {
            scalar(constant::Values::Floats(vec![own.f]))
        } else if let Some(own) = node.attribute("value_int") {
            scalar(constant::Values::Integers(vec![own.i]))
        } else if let Some(ints) = node.integers("value_ints") {
            Constant {
                dims: vec![ints.len()],
                values: constant::Values::Integers(ints.to_vec()),
            }
        } else {
            return Err("only tensors and numbers are taken".into());
        };
        Ok(Value::Constant(Rc::new(constant)))
    }

    fn read(&self, tensor: &Tensor) -> Result<Constant, Stop> {
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
