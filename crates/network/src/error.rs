//! What can be wrong with a description, weights or a batch.

use crate::Shape;

/// An input that the engine refuses. Every message names the thing, what was found, what was
/// expected, and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A name that is not one of a fixed set.
    #[error("unknown {what} {found:?}: choose one of {known}")]
    UnknownName {
        /// Kind of name.
        what: &'static str,
        /// What was given.
        found: String,
        /// The names there are.
        known: &'static str,
    },

    /// A description with a size that no network has.
    #[error(
        "the description has {found} {what}, more than the {most} allowed: it is damaged or hostile"
    )]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much was found (saturated).
        found: usize,
        /// The limit.
        most: usize,
    },

    /// Two nodes of one name, or a node named like the input.
    #[error(
        "the description names {name:?} twice: every node needs a name of its own, and \"input\" is taken"
    )]
    DuplicateNode {
        /// The name.
        name: String,
    },

    /// A node refers to a node that is not there.
    #[error(
        "node {node:?} takes its input from {missing:?}, which the description does not have: name a node or \"input\""
    )]
    DanglingReference {
        /// The node that refers.
        node: String,
        /// The name that leads nowhere.
        missing: String,
    },

    /// Nodes that depend on themselves.
    #[error("node {node:?} depends on itself: the graph must have no cycle")]
    Cycle {
        /// A node on, or behind, the cycle.
        node: String,
    },

    /// A node that nothing uses.
    #[error("nothing uses node {node:?}, and it is not the output: remove it or connect it")]
    UnusedNode {
        /// The node.
        node: String,
    },

    /// A network whose output depends on no parameter.
    #[error("the network has no parameters: there is nothing to train or to forget")]
    NoParameters,

    /// A layer with the wrong number of inputs.
    #[error("node {node:?} has {found} inputs, its layer takes {expected}")]
    WrongArity {
        /// The node.
        node: String,
        /// Inputs found.
        found: usize,
        /// What the layer takes, in words.
        expected: &'static str,
    },

    /// A layer that does not fit the shape it is given.
    #[error("node {node:?} cannot take {found}: {reason}")]
    LayerDoesNotFit {
        /// The node.
        node: String,
        /// Shape of its input.
        found: Shape,
        /// What is wrong and what would fit.
        reason: String,
    },

    /// The network's output is not a vector of at least one feature.
    #[error(
        "the output node {node:?} gives {found}: the network must end in a vector of features (add a flatten layer)"
    )]
    OutputNotVector {
        /// The output node.
        node: String,
        /// Its shape.
        found: Shape,
    },

    /// An architecture of the zoo that cannot be built as asked.
    #[error("cannot build {architecture}: {reason}")]
    Architecture {
        /// The architecture's name.
        architecture: &'static str,
        /// What is wrong and what would fit.
        reason: String,
    },

    /// A vector of the wrong length.
    #[error("the {what} has {found} values, expected {expected}")]
    WrongLength {
        /// Which vector.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
    },

    /// A batch without records.
    #[error("the batch is empty: give at least one record")]
    EmptyBatch,

    /// A class index that the network has no output for.
    #[error("record {record} has label {label}, but the network has {classes} outputs: labels run from 0 to {}", classes - 1)]
    LabelOutOfRange {
        /// Position in the batch.
        record: usize,
        /// Its label.
        label: u32,
        /// Outputs of the network.
        classes: usize,
    },

    /// A target value that is not usable.
    #[error("the target of record {record} is not usable: {reason}")]
    BadTarget {
        /// Position in the batch.
        record: usize,
        /// What is wrong.
        reason: String,
    },

    /// An infinite or NaN value appeared.
    #[error(
        "layer {layer:?} gives a non-finite value for record {record}: check that record's input for values that are not finite or far out of scale, and the weights for divergence"
    )]
    NonFinite {
        /// The first layer whose output is not finite.
        layer: String,
        /// Position in the batch.
        record: usize,
    },

    /// The penalty's strength is not usable.
    #[error("the penalty's strength is {found}: it must be finite and not negative")]
    BadPenalty {
        /// What was given.
        found: f64,
    },

    /// The memory budget cannot hold the least work there is.
    #[error(
        "a memory budget of {budget} bytes cannot hold one chunk of records, which takes {needed} bytes: take a network of fewer weights or smaller layers, or in Rust an `Execution` with a larger budget"
    )]
    MemoryBudget {
        /// The caller's limit.
        budget: usize,
        /// What one chunk takes.
        needed: usize,
    },

    /// The pool of threads could not be made.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// The system's word.
        reason: String,
    },

    /// A weights file that is not one.
    #[error("the weights file is damaged: {reason}")]
    DamagedWeights {
        /// What the reader met.
        reason: String,
    },

    /// Weights in a form that is not read.
    #[error("the weights are {found}: {advice}")]
    ForeignWeights {
        /// What they are.
        found: String,
        /// What to do.
        advice: &'static str,
    },

    /// An ONNX file that is not one.
    #[error("the ONNX file is damaged: {reason}; export it again")]
    DamagedOnnx {
        /// What the reader met.
        reason: String,
    },

    /// An ONNX file whose network has what no network here has.
    #[error(
        "the network of the ONNX file is none that this program has:{}\nExport it without these \
         (docs/network.md lists the layers there are), or train and forget with its PyTorch module, \
         whatever its layers: docs/python.md",
        listed(problems)
    )]
    ForeignOnnx {
        /// What is in the way, by node.
        problems: Vec<String>,
    },

    /// Tensors whose names or shapes are not those of the network.
    #[error(
        "the weights do not fit the network ({fitting} of its {expected} tensors are there): name \
         or describe the network that they were saved from, or give them the names that it \
         has\n{}",
        side_by_side(apart)
    )]
    Misfit {
        /// Tensors of the network that the file has, of the same shape.
        fitting: usize,
        /// Tensors of the network.
        expected: usize,
        /// What is left on either side: of one name where there are such, else in order.
        apart: Vec<Pair>,
    },

    /// A tensor of a type that is not read.
    #[error("tensor {name:?} holds {found}: expected F32, F64, F16 or BF16")]
    TensorType {
        /// Its name.
        name: String,
        /// Its type in the file.
        found: String,
    },

    /// A weight that is infinite or NaN.
    #[error(
        "tensor {name:?} holds a value that is not finite: the model it came from had diverged"
    )]
    TensorNotFinite {
        /// Its name.
        name: String,
    },
}

/// The first of many lines.
fn listed(lines: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown = lines.iter().take(SHOWN).map(|line| format!("\n  {line}"));
    let more = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    shown.collect::<String>() + &more
}

/// Refuses a vector of the wrong length.
pub(crate) fn check_len(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), NetworkError> {
    if found == expected {
        Ok(())
    } else {
        Err(NetworkError::WrongLength {
            what,
            found,
            expected,
        })
    }
}

/// A tensor's name and shape.
pub type Named = (String, Vec<usize>);

/// A tensor of the network, and one of the file to compare with it.
pub type Pair = (Option<Named>, Option<Named>);

/// The first of many pairs, in two columns.
fn side_by_side(pairs: &[Pair]) -> String {
    const SHOWN: usize = 12;
    let text = |side: &Option<Named>| match side {
        Some((name, shape)) => format!("{name} {shape:?}"),
        None => "-".to_owned(),
    };
    let rows = pairs
        .iter()
        .take(SHOWN)
        .map(|(own, found)| (text(own), text(found)));
    let rows: Vec<_> = [("the network".to_owned(), "the file".to_owned())]
        .into_iter()
        .chain(rows)
        .collect();
    let wide = rows.iter().map(|(own, _)| own.chars().count()).max();
    let wide = wide.unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(own, found)| format!("  {own:wide$}  {found}"));
    let mut lines: Vec<String> = lines.collect();
    if pairs.len() > SHOWN {
        lines.push(format!("  and {} more", pairs.len() - SHOWN));
    }
    lines.join("\n")
}
