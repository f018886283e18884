//! A layer norm over features that is written as several nodes: mean, difference, square, mean, root,
//! quotient.

use super::layers::{axes, reduce_mean};
use super::patterns::{Flow, Norm, Part, Value};
use super::proto::Node;
use super::state::{Stop, Translator, layer_name};

/// The mean over pixels, which is a layer; over features it is part of a norm.
pub(super) fn mean<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let (of, squared) = match translator.argument(node, 0)? {
        Value::Part(Part::Squared { of }) => (of, true),
        Value::Flow(of) if of.dims.len() == 1 && !of.pixel => (of, false),
        _ => return Ok(Value::Flow(reduce_mean(translator, node)?)),
    };
    let over = axes(translator, node, 2)?;
    if over != [1] || node.integer("keepdims", 1) == 0 {
        return Err(format!("its mean is over the axes {over:?} of features").into());
    }
    Ok(Value::Part(match squared {
        true => Part::Variance { of, plus: 0.0 },
        false => Part::Mean { of },
    }))
}

/// A difference to the mean.
pub(super) fn subtract<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let (left, right) = (translator.argument(node, 0)?, translator.argument(node, 1)?);
    match (left, right) {
        (Value::Flow(x), Value::Part(Part::Mean { of })) if x == of => {
            Ok(Value::Part(Part::Centred { of }))
        }
        _ => Err(
            "no layer subtracts; of inputs leave it out, and have them scaled by --scaling".into(),
        ),
    }
}

/// The square of a difference to the mean.
pub(super) fn power<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let (of, exponent) = (translator.argument(node, 0)?, translator.constant(node, 1)?);
    match of {
        Value::Part(Part::Centred { of }) if exponent.scalar() == Some(2.0) => {
            Ok(Value::Part(Part::Squared { of }))
        }
        _ => Err("no layer raises to a power".into()),
    }
}

pub(super) fn root<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    match translator.argument(node, 0)? {
        Value::Part(Part::Variance { of, plus }) => {
            Ok(Value::Part(Part::Deviation { of, epsilon: plus }))
        }
        _ => Err("no layer takes a root".into()),
    }
}

/// What is left of a norm once its features have mean 0 and deviation 1: weights and biases follow.
pub(super) fn normed(node: &Node, of: Flow, epsilon: f64) -> Value {
    Value::Part(Part::Norm(Norm {
        of,
        groups: 1,
        epsilon,
        weight: None,
        name: layer_name(node),
    }))
}
