//! Nodes that are layers.

use super::patterns::Flow;
use super::proto::Node;
use super::state::{Stop, Translator, layer_name};
use super::windows::Windows;
use crate::Activation;
use crate::description::Layer;

/// Numbers times a factor.
fn scaled(values: Vec<f32>, by: f32) -> Vec<f32> {
    match by.to_bits() == 1_f32.to_bits() {
        true => values,
        false => values.into_iter().map(|value| by * value).collect(),
    }
}

fn features(flow: &Flow) -> Result<usize, Stop> {
    match (flow.dims.as_slice(), flow.pixel) {
        (&[features], false) => Ok(features),
        _ => Err(format!("it takes features, found {:?}", flow.written()).into()),
    }
}

fn picture(flow: &Flow) -> Result<[usize; 3], Stop> {
    match flow.dims.as_slice() {
        &[channels, height, width] => Ok([channels, height, width]),
        _ => Err(format!(
            "it takes pictures of several pixels, found {:?}",
            flow.written()
        )
        .into()),
    }
}

/// One number for each of so many outputs, from a tensor that is spread over records.
pub(super) fn spread(values: &[f32], dims: &[usize], outputs: usize) -> Option<Vec<f32>> {
    let plain = dims.iter().filter(|&&dim| dim != 1).count() <= 1;
    match values {
        [one] => Some(vec![*one; outputs]),
        values if plain && values.len() == outputs => Some(values.to_vec()),
        _ => None,
    }
}

fn linear<'m>(
    translator: &mut Translator<'m>,
    name: &str,
    input: &Flow,
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    outputs: usize,
) -> Result<Flow, Stop> {
    let layer = Layer::Linear {
        outputs,
        bias: bias.is_some(),
    };
    let mut tensors = vec![("weight", weight)];
    tensors.extend(bias.map(|bias| ("bias", bias)));
    let added = translator
        .builder
        .add(name, layer, &[input], vec![outputs], tensors);
    Ok(added?)
}

/// The rows of a matrix as columns.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let at = |i: usize| values[(i % rows) * columns + i / rows];
    (0..values.len()).map(at).collect()
}

pub(super) fn gemm<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    let inputs = features(&input)?;
    if node.integer("transA", 0) != 0 {
        return Err("it transposes the records (transA)".into());
    }
    let (weight, name) = translator.matrix(node, 1)?;
    let (Some(values), &[rows, columns]) = (weight.floats(), weight.dims.as_slice()) else {
        return Err(format!("its weights have the shape {:?}", weight.dims).into());
    };
    let turned = node.integer("transB", 0) != 0;
    let (outputs, found) = match turned {
        true => (rows, columns),
        false => (columns, rows),
    };
    if found != inputs {
        return Err(format!("its weights are for {found} features, found {inputs}").into());
    }
    let values = match turned {
        true => values.to_vec(),
        false => transposed(values, rows, columns),
    };
    let weight = scaled(values, node.float("alpha", 1.0));
    let bias = match translator.has(node, 2) {
        false => None,
        true => {
            let bias = translator.constant(node, 2)?;
            let spread = bias
                .floats()
                .and_then(|own| spread(own, &bias.dims, outputs));
            let bias = spread.ok_or_else(|| format!("its bias has the shape {:?}", bias.dims))?;
            Some(scaled(bias, node.float("beta", 1.0)))
        }
    };
    linear(translator, &name, &input, weight, bias, outputs)
}

pub(super) fn matrix_product<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    let inputs = features(&input)?;
    let (weight, name) = translator.matrix(node, 1)?;
    match (weight.floats(), weight.dims.as_slice()) {
        (Some(values), &[rows, outputs]) if rows == inputs => {
            let values = transposed(values, rows, outputs);
            linear(translator, &name, &input, values, None, outputs)
        }
        _ => Err(format!(
            "its weights have the shape {:?}, expected [{inputs}, outputs]",
            weight.dims
        )
        .into()),
    }
}

pub(super) fn convolution<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    let [channels, height, width] = picture(&input)?;
    let (weight, name) = translator.matrix(node, 1)?;
    let groups = usize::try_from(node.integer("group", 1)).unwrap_or(0);
    let &[filters, part, rows, columns] = weight.dims.as_slice() else {
        return Err(format!("its kernel has the shape {:?}", weight.dims).into());
    };
    if groups == 0 || !channels.is_multiple_of(groups) || part != channels / groups {
        return Err(format!(
            "its kernel is for {part} channels in each of {groups} groups, found {channels}"
        )
        .into());
    }
    let windows = Windows::of(node, Some([rows, columns]), [height, width])?;
    if windows.kernel != [rows, columns] {
        return Err("kernel_shape is not the shape of its kernel".into());
    }
    let values = weight.floats().ok_or("its kernel holds whole numbers")?;
    let mut tensors = vec![("weight", values.to_vec())];
    let bias = translator.has(node, 2);
    if bias {
        tensors.push(("bias", translator.floats(node, 2, filters)?));
    }
    let layer = Layer::Conv2d {
        filters,
        kernel: windows.kernel,
        stride: windows.stride,
        padding: windows.padding,
        groups,
        bias,
    };
    let dims = vec![filters, windows.output[0], windows.output[1]];
    Ok(translator
        .builder
        .add(&name, layer, &[&input], dims, tensors)?)
}

/// A layer without weights over a picture.
fn pool<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
    layer: impl FnOnce(&Windows) -> Layer,
) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    let [channels, height, width] = picture(&input)?;
    let windows = Windows::of(node, None, [height, width])?;
    let dims = vec![channels, windows.output[0], windows.output[1]];
    let layer = layer(&windows);
    Ok(translator
        .builder
        .add(&layer_name(node), layer, &[&input], dims, Vec::new())?)
}

pub(super) fn max_pool<'m>(translator: &mut Translator<'m>, node: &'m Node) -> Result<Flow, Stop> {
    pool(translator, node, |windows| Layer::MaxPool {
        kernel: windows.kernel,
        stride: windows.stride,
        padding: windows.padding,
    })
}

pub(super) fn average_pool<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    let pads = node.integers("pads").unwrap_or_default();
    let adds = pads.iter().any(|&pad| pad != 0)
        || node
            .text("auto_pad")
            .is_some_and(|how| how.starts_with("SAME"));
    if adds && node.integer("count_include_pad", 0) == 0 {
        return Err(
            "its means leave out what is around the picture, here zeros there count \
             (count_include_pad)"
                .into(),
        );
    }
    pool(translator, node, |windows| Layer::AvgPool {
        kernel: windows.kernel,
        stride: windows.stride,
        padding: windows.padding,
    })
}

fn mean<'m>(translator: &mut Translator<'m>, node: &'m Node, pixel: bool) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    let [channels, ..] = picture(&input)?;
    let (name, layer) = (layer_name(node), Layer::GlobalAvgPool);
    let added = translator
        .builder
        .add(&name, layer, &[&input], vec![channels], Vec::new());
    Ok(Flow { pixel, ..added? })
}

pub(super) fn global_average<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    mean(translator, node, true)
}

/// The mean over pixels.
pub(super) fn reduce_mean<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    let rank = 1 + translator.flow(node, 0)?.written().len();
    match axes(translator, node, rank)?.as_slice() {
        [2, 3] => mean(translator, node, node.integer("keepdims", 1) != 0),
        axes => Err(format!("its mean is over the axes {axes:?}, expected those of pixels").into()),
    }
}

/// The axes that a node reduces, ascending.
pub(super) fn axes<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
    rank: usize,
) -> Result<Vec<i64>, Stop> {
    let mut axes = match (node.integers("axes"), translator.has(node, 1)) {
        (Some(axes), _) => axes.to_vec(),
        (None, true) => {
            let axes = translator.constant(node, 1)?;
            axes.integers().unwrap_or_default().to_vec()
        }
        (None, false) => Vec::new(),
    };
    for axis in &mut axes {
        *axis = axis.saturating_add(if *axis < 0 { rank as i64 } else { 0 });
    }
    axes.sort_unstable();
    Ok(axes)
}

pub(super) fn global_max<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    let input = translator.flow(node, 0)?;
    let [channels, height, width] = picture(&input)?;
    let layer = Layer::MaxPool {
        kernel: [height, width],
        stride: [1, 1],
        padding: [0, 0],
    };
    let dims = vec![channels, 1, 1];
    Ok(translator
        .builder
        .add(&layer_name(node), layer, &[&input], dims, Vec::new())?)
}

pub(super) fn activation<'m>(
    translator: &mut Translator<'m>,
    node: &'m Node,
) -> Result<Flow, Stop> {
    let function = match node.op_type.as_str() {
        "Relu" => Activation::Relu,
        "Tanh" => Activation::Tanh,
        "Softplus" => Activation::Softplus,
        "Swish" if node.float("alpha", 1.0).to_bits() != 1_f32.to_bits() => {
            return Err("its alpha is not 1".into());
        }
        "Swish" => Activation::Silu,
        _ if node.text("approximate").is_some_and(|how| how != "none") => {
            return Err("it approximates by tanh, here it is exact (approximate=\"none\")".into());
        }
        _ => Activation::Gelu,
    };
    let input = translator.flow(node, 0)?;
    applied(translator, &layer_name(node), function, &input)
}

/// A layer that applies a function to every number.
pub(super) fn applied(
    translator: &mut Translator<'_>,
    name: &str,
    function: Activation,
    input: &Flow,
) -> Result<Flow, Stop> {
    let layer = Layer::Activation { function };
    let dims = input.dims.clone();
    let added = translator
        .builder
        .add(name, layer, &[input], dims, Vec::new());
    Ok(Flow {
        pixel: input.pixel,
        ..added?
    })
}
