//! Norms.

use super::patterns::{Flow, Norm, Part, Value};
use super::proto::Node;
use super::state::{Stop, Translator, layer_name};
use crate::description::Layer;

/// The channels of pictures or features.
fn channels(flow: &Flow) -> usize {
    flow.dims.first().copied().unwrap_or(0)
}

/// The layer's name, from that of its scale where this has one.
fn named(node: &Node) -> String {
    let scale = node
        .input
        .get(1)
        .and_then(|name| name.strip_suffix(".weight"));
    match scale {
        Some(layer) if !layer.is_empty() => layer.to_owned(),
        _ => layer_name(node),
    }
}

pub(super) fn batch<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    if node.integer("training_mode", 0) != 0 {
        return Err("it is in training mode: export the module after .eval()".into());
    }
    let parts = ["weight", "bias", "running_mean", "running_var"];
    let mut tensors = Vec::new();
    for (at, part) in (1..).zip(parts) {
        tensors.push((part, translator.floats(node, at, channels(&input))?));
    }
    let layer = Layer::BatchNorm {
        epsilon: node.epsilon(),
    };
    let (name, dims) = (named(node), input.dims.clone());
    let added = translator
        .builder
        .add(&name, layer, &[&input], dims, tensors);
    Ok(Flow {
        pixel: input.pixel,
        ..added?
    })
}

pub(super) fn group<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Flow, Stop> {
    let of = translator.flow(node, 0)?;
    let groups = usize::try_from(node.integer("num_groups", 0)).unwrap_or(0);
    let channels = channels(&of);
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(format!("{groups} groups do not divide {channels} channels").into());
    }
    let mut own = |at: usize| {
        // Up to version 20 one for each group.
        let each = match translator.version < 21 {
            true => channels / groups,
            false => 1,
        };
        let values = translator.floats(node, at, channels / each)?;
        let spread = values
            .iter()
            .flat_map(|&value| std::iter::repeat_n(value, each));
        Ok::<_, Stop>(spread.collect::<Vec<f32>>())
    };
    let (weight, bias) = (own(1)?, own(2)?);
    added(translator, node, (of, groups), (weight, Some(bias)))
}

/// Adds a group norm of so many groups, named after the node.
fn added<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
    (of, groups): (Flow, usize),
    (weight, bias): (Vec<f32>, Option<Vec<f32>>),
) -> Result<Flow, Stop> {
    let norm = Norm {
        of,
        groups,
        epsilon: node.epsilon(),
        weight: Some(weight),
        name: named(node),
    };
    Ok(translator.builder.norm(&norm, bias)?)
}

/// Over features it is a group norm of one group.
pub(super) fn layer<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Flow, Stop> {
    let of = translator.flow(node, 0)?;
    let axis = node.integer("axis", -1);
    if of.dims.len() != 1 || of.pixel || !matches!(axis, -1 | 1) {
        return Err(
            "it is taken over features alone; over pictures give a GroupNorm of one group".into(),
        );
    }
    let weight = translator.floats(node, 1, of.len())?;
    let bias = match translator.has(node, 2) {
        true => Some(translator.floats(node, 2, of.len())?),
        false => None,
    };
    added(translator, node, (of, 1), (weight, bias))
}

/// Of channels it is a group norm with a group for each; of groups it is the middle of one.
pub(super) fn instance<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    if let Value::Part(Part::Grouped { of, groups }) = translator.argument(node, 0)? {
        let is = |values: &[f32], one: f32| values.iter().all(|v| v.to_bits() == one.to_bits());
        let weight = translator.floats(node, 1, groups)?;
        let bias = translator.floats(node, 2, groups)?;
        return match is(&weight, 1.0) && is(&bias, 0.0) {
            true => Ok(Value::Part(Part::GroupNormed {
                of,
                groups,
                epsilon: node.epsilon(),
            })),
            false => Err("it scales groups, here channels are scaled".into()),
        };
    }
    let of = translator.flow(node, 0)?;
    if of.dims.len() != 3 {
        return Err("it takes pictures".into());
    }
    let groups = channels(&of);
    let weight = translator.floats(node, 1, groups)?;
    let bias = translator.floats(node, 2, groups)?;
    added(translator, node, (of, groups), (weight, Some(bias))).map(Value::Flow)
}
