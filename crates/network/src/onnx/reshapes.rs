//! Shapes: flattening, and what exporters compute to flatten.

use super::constant::{Constant, Values};
use super::patterns::{Flow, Length, Norm, Part, Value};
use super::proto::Node;
use super::state::{Stop, Translator, layer_name};
use crate::description::Layer;
use std::rc::Rc;

/// Lengths of a shape.
const MOST_LENGTHS: usize = 16;

/// A picture as features.
fn flat<'m>(translator: &mut Translator<'m>, node: &'m Node, flow: Flow) -> Result<Value, Stop> {
    if flow.dims.len() == 1 {
        return Ok(Value::Flow(Flow {
            pixel: false,
            ..flow
        }));
    }
    let (name, dims) = (layer_name(node), vec![flow.len()]);
    let added = translator
        .builder
        .add(&name, Layer::Flatten, &[&flow], dims, Vec::new());
    Ok(Value::Flow(added?))
}

pub(super) fn flatten<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let flow = translator.flow(node, 0)?;
    let rank = 1 + flow.written().len() as i64;
    let axis = node.integer("axis", 1);
    match axis == 1 || axis + rank == 1 {
        true => flat(translator, node, flow),
        false => Err(format!(
            "its axis is {axis}: records are the first, and the rest is flattened"
        )
        .into()),
    }
}

/// Lengths that were computed, or are known.
fn lengths(value: &Value) -> Option<Vec<Length>> {
    match value {
        Value::Lengths(lengths) => Some(lengths.clone()),
        Value::Constant(constant) => {
            let known = constant.integers()?.iter();
            Some(known.map(|&length| Length::Known(length)).collect())
        }
        _ => None,
    }
}

/// The lengths that a reshape gives to one record of so many values, if it leaves records apart.
fn target(
    translator: &Translator<'_>,
    node: &Node,
    lengths: &[Length],
    from: &[usize],
) -> Option<Vec<usize>> {
    let count: usize = from.iter().product();
    let keeps = node.integer("allowzero", 0) == 0;
    let (first, rest) = lengths.split_first()?;
    // Records stay apart where their number is kept, or follows from the rest.
    let apart = match *first {
        Length::Records => true,
        Length::Known(-1) => !rest.contains(&Length::Known(-1)),
        Length::Known(0) => keeps,
        Length::Known(records) => translator.records == Some(records),
    };
    if !apart {
        return None;
    }
    let mut dims = Vec::new();
    let mut open = None;
    for (at, length) in rest.iter().enumerate() {
        dims.push(match *length {
            Length::Records => return None,
            Length::Known(0) if keeps => *from.get(at)?,
            Length::Known(-1) if open.is_none() => {
                open = Some(at);
                1
            }
            Length::Known(length) => usize::try_from(length).ok()?,
        });
    }
    let given = dims
        .iter()
        .try_fold(1_usize, |all, &dim| all.checked_mul(dim))?;
    if let Some(at) = open {
        dims[at] = count.checked_div(given)?;
        return (given * dims[at] == count).then_some(dims);
    }
    (given == count).then_some(dims)
}

pub(super) fn reshape<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let to = translator.argument(node, 1)?;
    let to = lengths(&to).ok_or("its shape is not known")?;
    let what = translator.argument(node, 0)?;
    if let Value::Part(Part::GroupNormed {
        of,
        groups,
        epsilon,
    }) = what
    {
        let grouped = [groups, of.len() / groups.max(1)];
        return match target(translator, node, &to, &grouped) {
            Some(dims) if dims == of.dims => Ok(Value::Part(Part::Norm(Norm {
                of,
                groups,
                epsilon,
                weight: None,
                name: layer_name(node),
            }))),
            _ => Err("groups are put together in another shape than they were in".into()),
        };
    }
    let flow = translator.flow(node, 0)?;
    let written = flow.written();
    let dims = target(translator, node, &to, &written);
    let dims = dims.ok_or("it does not leave records apart, or their values")?;
    match dims.as_slice() {
        [_] => flat(translator, node, flow),
        dims if *dims == written => Ok(Value::Flow(flow)),
        [_, 1, 1] if flow.dims.len() == 1 => Ok(Value::Flow(Flow {
            pixel: true,
            ..flow
        })),
        &[groups, _] if groups > 0 && flow.dims[0].is_multiple_of(groups) => {
            Ok(Value::Part(Part::Grouped { of: flow, groups }))
        }
        dims => Err(format!(
            "it makes {dims:?} of {written:?}: here records become features alone"
        )
        .into()),
    }
}

/// Dimensions of length 1 that go or come: of lengths, and of pictures of one pixel.
pub(super) fn ones<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    match translator.argument(node, 0)? {
        lengths @ Value::Lengths(_) => Ok(lengths),
        Value::Constant(constant) => match constant.integers() {
            Some(list) => Ok(Value::Constant(Rc::new(Constant {
                dims: vec![list.len()],
                values: Values::Integers(list.to_vec()),
            }))),
            None => Err("of a tensor of numbers".into()),
        },
        Value::Flow(flow) if node.op_type == "Squeeze" && flow.written()[1..] == [1, 1] => {
            flat(translator, node, flow)
        }
        _ => Err("records become features alone".into()),
    }
}

pub(super) fn shape<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let flow = translator.flow(node, 0)?;
    let known = flow.written();
    let known = known.iter().map(|&dim| Length::Known(dim as i64));
    let all: Vec<Length> = [Length::Records].into_iter().chain(known).collect();
    let rank = all.len() as i64;
    let place = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let (start, end) = (
        place(node.integer("start", 0)),
        place(node.integer("end", rank)),
    );
    Ok(Value::Lengths(
        all.get(start..end).unwrap_or_default().to_vec(),
    ))
}

pub(super) fn gather<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Value, Stop> {
    let from = translator.argument(node, 0)?;
    let from = match from {
        Value::Lengths(lengths) => lengths,
        _ => return Err("it picks values; it is taken within shapes alone".into()),
    };
    let chosen = translator.constant(node, 1)?;
    let chosen = chosen.integers().ok_or("what it picks is not known")?;
    let pick = |&at: &i64| {
        let at = if at < 0 { at + from.len() as i64 } else { at };
        let length = usize::try_from(at).ok().and_then(|at| from.get(at));
        length
            .copied()
            .ok_or_else(|| Stop::from("it picks what is not there"))
    };
    let lengths = chosen.iter().map(pick).collect::<Result<Vec<_>, Stop>>()?;
    Ok(Value::Lengths(lengths))
}

pub(super) fn concatenate<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Value, Stop> {
    let mut all = Vec::new();
    for at in 0..node.input.len() {
        let value = translator.argument(node, at)?;
        all.extend(lengths(&value).ok_or("it joins what several layers give")?);
        if all.len() > MOST_LENGTHS {
            return Err("no tensor has so many dimensions".into());
        }
    }
    Ok(Value::Lengths(all))
}

/// Of a matrix.
pub(super) fn transpose<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Value, Stop> {
    let what = match translator.argument(node, 0)? {
        Value::Constant(constant) => constant,
        _ => {
            return Err(
                "records are not transposed: pictures have their channels first here".into(),
            );
        }
    };
    let turns = node.integers("perm").is_none_or(|order| *order == [1, 0]);
    match (what.floats(), what.dims.as_slice()) {
        (Some(values), &[rows, columns]) if turns && !values.is_empty() => {
            translator.builder.spend(values.len())?;
            let at = |i: usize| values[(i % rows) * columns + i / rows];
            Ok(Value::Constant(Rc::new(Constant {
                dims: vec![columns, rows],
                values: Values::Floats((0..values.len()).map(at).collect()),
            })))
        }
        _ => Err("of a matrix alone".into()),
    }
}
