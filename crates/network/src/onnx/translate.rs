//! The walk over the graph.

use super::builder::Builder;
use super::constant::{self, Constant};
use super::patterns::{Flow, Value};
use super::proto::{Graph, Model, Node, Tensor, ValueInfo};
use super::state::{Stop, Translator};
use super::{arithmetic, layers, moments, norms, reshapes};
use crate::{NetworkDescription, NetworkError, Shape, Weights};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A network that an ONNX file describes, and its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct FromOnnx {
    /// The network. What a final softmax got is its output.
    pub network: NetworkDescription,
    /// Its weights.
    pub weights: Weights<f32>,
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
        let value = given(&mut translator, node).unwrap_or_else(|stop| {
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

/// What a node gives.
fn given<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        return Err("this program knows the operators of ONNX itself alone".into());
    }
    let flow = |flow: Flow| Ok(Value::Flow(flow));
    match node.op_type.as_str() {
        "Gemm" => flow(layers::gemm(translator, node)?),
        "MatMul" => flow(layers::matrix_product(translator, node)?),
        "Conv" => flow(layers::convolution(translator, node)?),
        "MaxPool" => flow(layers::max_pool(translator, node)?),
        "AveragePool" => flow(layers::average_pool(translator, node)?),
        "GlobalAveragePool" => flow(layers::global_average(translator, node)?),
        "GlobalMaxPool" => flow(layers::global_max(translator, node)?),
        "ReduceMean" => moments::mean(translator, node),
        "Sub" => moments::subtract(translator, node),
        "Pow" => moments::power(translator, node),
        "Sqrt" => moments::root(translator, node),
        "Relu" | "Tanh" | "Softplus" | "Gelu" | "Swish" => {
            flow(layers::activation(translator, node)?)
        }
        "BatchNormalization" => flow(norms::batch(translator, node)?),
        "GroupNormalization" => flow(norms::group(translator, node)?),
        "LayerNormalization" => flow(norms::layer(translator, node)?),
        "InstanceNormalization" => norms::instance(translator, node),
        "Add" | "Sum" => arithmetic::add(translator, node),
        "Mul" => arithmetic::multiply(translator, node),
        "Div" => arithmetic::divide(translator, node),
        "Erf" => arithmetic::erf(translator, node),
        "Sigmoid" => arithmetic::sigmoid(translator, node),
        "Greater" => arithmetic::greater(translator, node),
        "Where" => arithmetic::choose(translator, node),
        "Flatten" => reshapes::flatten(translator, node),
        "Reshape" => reshapes::reshape(translator, node),
        "Squeeze" | "Unsqueeze" => reshapes::ones(translator, node),
        "Shape" => reshapes::shape(translator, node),
        "Gather" => reshapes::gather(translator, node),
        "Concat" => reshapes::concatenate(translator, node),
        "Transpose" => reshapes::transpose(translator, node),
        "Constant" => literal(translator, node),
        "Identity" => translator.argument(node, 0),
        "Cast" => cast(translator, node),
        "Dropout" => match translator.constant(node, 2) {
            Err(Stop::Follows) | Ok(_) => {
                Err("it drops at random: export the module after .eval()".into())
            }
            Err(Stop::Refused(_)) => translator.argument(node, 0),
        },
        "Softmax" | "LogSoftmax" => softmax(translator, node),
        "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Clip" | "HardSwish" | "HardSigmoid" | "Mish"
        | "Celu" | "ThresholdedRelu" => {
            Err("activations are Relu, Gelu, Swish (SiLU), Softplus and Tanh".into())
        }
        _ => Err("no layer of this program".into()),
    }
}

/// Numbers stay numbers, and lengths lengths.
fn cast<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let to = node.integer("to", 0);
    match translator.argument(node, 0)? {
        value @ Value::Flow(_) if matches!(to, 1 | 10 | 11 | 16) => Ok(value),
        value @ Value::Lengths(_) if matches!(to, 6 | 7) => Ok(value),
        _ => Err(format!("to ONNX type {to}").into()),
    }
}

/// A softmax that gives the output is left out: the loss has one of its own.
fn softmax<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let flow = translator.flow(node, 0)?;
    let is_last = node
        .output
        .first()
        .is_some_and(|name| *name == translator.output);
    match is_last && translator.uses.get(translator.output) == Some(&1) && flow.dims.len() == 1 {
        true => Ok(Value::Flow(flow)),
        false => Err("a softmax is taken at the end alone, over the classes".into()),
    }
}

fn literal(translator: &Translator<'_>, node: &Node) -> Result<Value, Stop> {
    let scalar = |values| Constant {
        dims: Vec::new(),
        values,
    };
    let constant = if let Some(tensor) = node.attribute("value").and_then(|own| own.t.as_ref()) {
        translator.read(tensor)?
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
