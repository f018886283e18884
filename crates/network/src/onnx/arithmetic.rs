//! Sums and products: biases, residual sums, and activations that exporters write as several nodes.

use super::constant::Constant;
use super::layers::{applied, spread};
use super::moments::normed;
use super::patterns::{Flow, Norm, Part, Value};
use super::proto::Node;
use super::state::{Stop, Translator, layer_name};
use crate::Activation;
use crate::description::Layer;
use std::f64::consts::FRAC_1_SQRT_2;

/// What exporters round to single precision.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs()
}

/// From here on a softplus is its input, in single precision.
const SOFTPLUS_IS_INPUT: f64 = 18.0;

/// One number for each channel, from a tensor that is spread over a flow.
fn per_channel(constant: &Constant, of: &Flow) -> Option<Vec<f32>> {
    let values = constant.floats()?;
    let written = of.written();
    let (channels, rank) = (written[0], written.len());
    // Dimensions are matched from the last one on.
    let dims: Vec<usize> = match constant.dims.len() == rank + 1 && constant.dims[0] == 1 {
        true => constant.dims[1..].to_vec(),
        false => constant.dims.clone(),
    };
    let fits = dims.len() == rank && dims[1..].iter().all(|&dim| dim == 1)
        || dims.iter().all(|&dim| dim == 1);
    match fits {
        true => spread(values, &dims, channels),
        false => None,
    }
}

/// The two operands of a node, the constant last.
fn operands<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<[(usize, Value); 2], Stop> {
    let (a, b) = (translator.argument(node, 0)?, translator.argument(node, 1)?);
    Ok(match a {
        Value::Constant(_) => [(1, b), (0, a)],
        _ => [(0, a), (1, b)],
    })
}

pub(super) fn add<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    if node.input.len() == 2 {
        let [(at, left), (_, right)] = operands(translator, node)?;
        if let Value::Constant(constant) = right {
            return add_constant(translator, node, at, left, &constant);
        }
    }
    let flows = (0..node.input.len()).map(|at| translator.flow(node, at));
    let flows = flows.collect::<Result<Vec<Flow>, Stop>>()?;
    let first = flows.first().ok_or("it has no inputs")?;
    if let Some(other) = flows.iter().find(|flow| flow.written() != first.written()) {
        return Err(format!(
            "it adds {:?} and {:?}: here both have one shape",
            first.written(),
            other.written()
        )
        .into());
    }
    if flows.len() == 1 {
        return Ok(Value::Flow(first.clone()));
    }
    let inputs: Vec<&Flow> = flows.iter().collect();
    let (name, dims) = (layer_name(node), first.dims.clone());
    let added = translator
        .builder
        .add(&name, Layer::Add, &inputs, dims, Vec::new());
    Ok(Value::Flow(Flow {
        pixel: first.pixel,
        ..added?
    }))
}

/// A bias of the layer before, or part of an activation.
fn add_constant<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
    at: usize,
    left: Value,
    constant: &Constant,
) -> Result<Value, Stop> {
    match left {
        Value::Part(Part::Erf { of }) if constant.scalar().is_some_and(|c| near(c, 1.0)) => {
            Ok(Value::Part(Part::Normal { of, by: 1.0 }))
        }
        Value::Part(Part::Variance { of, plus }) => match constant.scalar() {
            Some(more) => Ok(Value::Part(Part::Variance {
                of,
                plus: plus + more,
            })),
            None => Err("it adds more than a number to a variance".into()),
        },
        Value::Part(Part::Norm(norm)) => {
            let bias = per_channel(constant, &norm.of);
            let bias = bias.ok_or("it adds more than a number for each channel")?;
            Ok(Value::Flow(translator.builder.norm(&norm, Some(bias))?))
        }
        Value::Flow(flow) => {
            let bare = matches!(
                translator.builder.layer(&flow.node),
                Some(Layer::Linear { bias: false, .. } | Layer::Conv2d { bias: false, .. })
            );
            match per_channel(constant, &flow) {
                Some(bias) if bare && !flow.pixel && translator.alone(node, at) => {
                    translator.builder.add_bias(&flow.node, bias)?;
                    Ok(Value::Flow(flow))
                }
                _ => Err("a constant is added only as the bias of the layer before".into()),
            }
        }
        _ => Err("no layer adds such a constant".into()),
    }
}

pub(super) fn multiply<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let [(_, left), (_, right)] = operands(translator, node)?;
    match (left, right) {
        (left, Value::Constant(constant)) => scale(translator, node, left, &constant, false),
        (Value::Part(Part::Centred { of }), Value::Part(Part::Centred { of: x })) if x == of => {
            Ok(Value::Part(Part::Squared { of }))
        }
        (Value::Flow(x), Value::Part(Part::Sigmoid { of }))
        | (Value::Part(Part::Sigmoid { of }), Value::Flow(x))
            if x == of =>
        {
            let name = layer_name(node);
            Ok(Value::Flow(applied(
                translator,
                &name,
                Activation::Silu,
                &of,
            )?))
        }
        (Value::Flow(x), Value::Part(Part::Normal { of, by }))
        | (Value::Part(Part::Normal { of, by }), Value::Flow(x))
            if x == of =>
        {
            gelu(translator, node, of, by)
        }
        (Value::Part(Part::Scaled { of: x, by: more }), Value::Part(Part::Normal { of, by }))
        | (Value::Part(Part::Normal { of, by }), Value::Part(Part::Scaled { of: x, by: more }))
            if x == of =>
        {
            gelu(translator, node, of, more * by)
        }
        _ => Err("no layer multiplies what other layers give".into()),
    }
}

/// `by · x · (1 + erf(x / √2))`, which is an activation where `by` is ½.
fn gelu<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
    of: Flow,
    by: f64,
) -> Result<Value, Stop> {
    if !near(by, 0.5) {
        return Ok(Value::Part(Part::Gelu { of, by }));
    }
    let name = layer_name(node);
    Ok(Value::Flow(applied(
        translator,
        &name,
        Activation::Gelu,
        &of,
    )?))
}

pub(super) fn divide<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let (left, right) = (translator.argument(node, 0)?, translator.argument(node, 1)?);
    match right {
        Value::Constant(constant) => scale(translator, node, left, &constant, true),
        Value::Part(Part::Deviation { of, epsilon }) => match left {
            Value::Part(Part::Centred { of: x }) if x == of => Ok(normed(node, of, epsilon)),
            _ => Err("no layer divides others by a deviation".into()),
        },
        _ => Err("no layer divides by what other layers give".into()),
    }
}

fn scale<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
    left: Value,
    constant: &Constant,
    inverse: bool,
) -> Result<Value, Stop> {
    if let (Value::Part(Part::Norm(norm)), false) = (&left, inverse) {
        let weight = per_channel(constant, &norm.of).filter(|_| norm.weight.is_none());
        let weight = weight.ok_or("it scales more than once, or more than each channel")?;
        let layer = node
            .input
            .iter()
            .find_map(|name| name.strip_suffix(".weight"));
        let layer = layer.filter(|layer| !layer.is_empty());
        return Ok(Value::Part(Part::Norm(Norm {
            weight: Some(weight),
            name: layer.unwrap_or(&norm.name).to_owned(),
            ..norm.clone()
        })));
    }
    let factor = constant.scalar().ok_or(
        "no layer multiplies by constants; of inputs leave it out, and have them scaled by --scaling",
    )?;
    let factor = match inverse {
        true => 1.0 / factor,
        false => factor,
    };
    match left {
        Value::Flow(of) => Ok(Value::Part(Part::Scaled { of, by: factor })),
        Value::Part(Part::Scaled { of, by }) => Ok(Value::Part(Part::Scaled {
            of,
            by: by * factor,
        })),
        Value::Part(Part::Normal { of, by }) => Ok(Value::Part(Part::Normal {
            of,
            by: by * factor,
        })),
        Value::Part(Part::Gelu { of, by }) => gelu(translator, node, of, by * factor),
        _ => Err("no layer multiplies this by a number".into()),
    }
}

pub(super) fn erf<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    match translator.argument(node, 0)? {
        Value::Part(Part::Scaled { of, by }) if near(by, FRAC_1_SQRT_2) => {
            Ok(Value::Part(Part::Erf { of }))
        }
        _ => Err("it is taken within a GELU alone".into()),
    }
}

pub(super) fn sigmoid<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let of = translator.flow(node, 0)?;
    match of.dims.as_slice() {
        [1] => Err(
            "one output with a sigmoid: here two classes have two outputs, of which the first may be 0"
                .into(),
        ),
        _ => Ok(Value::Part(Part::Sigmoid { of })),
    }
}

/// `x > 20`, of PyTorch's softplus.
pub(super) fn greater<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let of = translator.flow(node, 0)?;
    match translator.constant(node, 1)?.scalar() {
        Some(at) => Ok(Value::Part(Part::Above { of, at })),
        None => Err("no layer compares".into()),
    }
}

/// `x > 20 ? x : softplus(x)` is a softplus.
pub(super) fn choose<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let condition = translator.argument(node, 0)?;
    let (then, other) = (translator.flow(node, 1)?, translator.flow(node, 2)?);
    let softplus = Layer::Activation {
        function: Activation::Softplus,
    };
    let builder = &translator.builder;
    match condition {
        Value::Part(Part::Above { of, at })
            if of == then
                && at >= SOFTPLUS_IS_INPUT
                && builder.input_of(&other.node) == Some(&of.node)
                && builder.layer(&other.node) == Some(&softplus) =>
        {
            Ok(Value::Flow(other))
        }
        _ => Err("no layer chooses between others".into()),
    }
}
