//! The messages of an ONNX file, as far as they are read (`onnx.proto3` of ONNX 1.20). Subgraphs are
//! not.

use crate::NetworkError;
use prost::Message;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub t: Option<Tensor>,
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub raw_data: Option<Bytes>,
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<Entry>,
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// A length, or a name for one that is not fixed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub value: Option<i64>,
}

/// Nodes and tensors that a network may have, and bytes of all but its tensors: small messages become
/// large in memory.
const MOST_PARTS: usize = 1 << 16;
const MOST_BYTES: usize = 1 << 24;
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;

/// Reads a file.
pub(super) fn read(file: &[u8]) -> Result<Model, NetworkError> {
    let damaged = |error: prost::DecodeError| NetworkError::DamagedOnnx {
        reason: error.to_string(),
    };
    measure(file)?;
    // Tensors share the bytes of the file.
    Model::decode(Bytes::copy_from_slice(file)).map_err(damaged)
}

/// Refuses a graph of more parts than a network has, before they are made.
fn measure(file: &[u8]) -> Result<(), NetworkError> {
    let damaged = |error: prost::DecodeError| NetworkError::DamagedOnnx {
        reason: error.to_string(),
    };
    let (mut parts, mut bytes) = (0, 0);
    each(file, &mut |tag, content| {
        if tag != GRAPH {
            bytes += content.len();
            return Ok(());
        }
        each(content, &mut |tag, content| {
            parts += 1;
            bytes += match tag {
                INITIALIZER => 0,
                _ => content.len(),
            };
            Ok(())
        })
    })
    .map_err(damaged)?;
    let most = [
        ("nodes and tensors", parts, MOST_PARTS),
        ("bytes beside its tensors", bytes, MOST_BYTES),
    ];
    match most.into_iter().find(|(_, found, most)| found > most) {
        Some((what, found, most)) => Err(NetworkError::TooLarge { what, found, most }),
        None => Ok(()),
    }
}

type Visit<'v> = dyn FnMut(u32, &[u8]) -> Result<(), prost::DecodeError> + 'v;

/// The fields of a message that have a length, each with its content.
fn each(mut message: &[u8], visit: &mut Visit<'_>) -> Result<(), prost::DecodeError> {
    while message.has_remaining() {
        let (tag, wire) = decode_key(&mut message)?;
        match wire {
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut message)?).unwrap_or(usize::MAX);
                match message.split_at_checked(length) {
                    Some((content, rest)) => {
                        visit(tag, content)?;
                        message = rest;
                    }
                    // Which error it is, the decoder says.
                    None => return Ok(()),
                }
            }
            _ => skip_field(wire, tag, &mut message, DecodeContext::default())?,
        }
    }
    Ok(())
}
