//! Files of `torch.save`, read as data: nothing in them is executed.
//!
//! Such a file is a zip archive of a pickle, which names tensors and where their values lie, and of
//! the values.

use crate::NetworkError;
use crate::onnx::looks_like_onnx;
use rescind_pickle::{Id, Node, Pickle};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

const CONVERT: &str = "make a safetensors file of it (pip install torch safetensors packaging \
    numpy): python -c \"import sys, torch, safetensors.torch as s; \
    d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); \
    s.save_file({k: v.clone().contiguous() for k, v in d.items()}, sys.argv[2])\" \
    model.pt model.safetensors";

/// The content of a `safetensors` file as it is, or one with the tensors of a `state_dict` that
/// `torch.save` wrote.
pub(crate) fn as_safetensors(file: &[u8]) -> Result<Cow<'_, [u8]>, NetworkError> {
    let foreign = |found: &str, advice| {
        let found = found.to_owned();
        Err(NetworkError::ForeignWeights { found, advice })
    };
    // After a length of eight bytes, which may look like anything, comes a JSON object.
    if file.get(8) == Some(&b'{') {
        return Ok(Cow::Borrowed(file));
    }
    if file.starts_with(b"PK\x03\x04") {
        return converted(file).map(Cow::Owned);
    }
    // The magic number of PyTorch before 1.6, as a pickle.
    if file.starts_with(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19") {
        return foreign("a file of torch.save in its old form", CONVERT);
    }
    if file.starts_with(b"\x80") && file.get(1).is_some_and(|&protocol| protocol < 6) {
        return foreign(
            "a pickle, which could run anything where it is read",
            CONVERT,
        );
    }
    if file.starts_with(b"\x89HDF\r\n\x1a\n") {
        let advice = "save its arrays under PyTorch's names with safetensors.numpy.save_file, each \
                      kernel as PyTorch has it (outputs first)";
        return foreign("an HDF5 file, as Keras writes them", advice);
    }
    if looks_like_onnx(file) {
        let advice = "a model of ONNX brings its network along: give it to `rescind import`, without \
                      --model; for --centre save the state_dict of its PyTorch module";
        return foreign("an ONNX file", advice);
    }
    Ok(Cow::Borrowed(file))
}

/// A tensor by its place in the archive.
struct Stored<'f> {
    name: String,
    dtype: Dtype,
    /// Name of the file with its values.
    storage: &'f [u8],
    offset: usize,
    shape: Vec<usize>,
    stride: Vec<usize>,
}

fn converted(file: &[u8]) -> Result<Vec<u8>, NetworkError> {
    let damaged = |reason: String| NetworkError::DamagedWeights { reason };
    let mut archive = ZipArchive::new(Cursor::new(file))
        .map_err(|error| damaged(format!("it is no whole zip archive ({error})")))?;
    let folder = archive
        .file_names()
        .filter_map(Result::ok)
        .find_map(|name| name.strip_suffix("data.pkl").map(str::to_owned));
    let folder = folder.ok_or_else(|| NetworkError::ForeignWeights {
        found: "a zip archive without the data.pkl of torch.save".to_owned(),
        advice: CONVERT,
    })?;
    let mut entry = |name: &str| {
        let mut bytes = Vec::new();
        let name = format!("{folder}{name}");
        let read = archive.by_name(&name).map_err(|error| error.to_string());
        let read = read.and_then(|entry| {
            // Whatever size the archive claims, its values are stored as they are.
            let read = entry.take(file.len() as u64).read_to_end(&mut bytes);
            read.map_err(|error| error.to_string())
        });
        read.map_err(|error| damaged(format!("{name} of the archive cannot be read: {error}")))?;
        Ok::<_, NetworkError>(bytes)
    };
    if entry("byteorder").is_ok_and(|order| order == b"big") {
        return Err(NetworkError::ForeignWeights {
            found: "written by a machine of the other order of bytes".to_owned(),
            advice: CONVERT,
        });
    }
    let written = entry("data.pkl")?;
    let pickle = rescind_pickle::read(&written)
        .map_err(|error| damaged(format!("its data.pkl cannot be read: {error}")))?;
    let stored = state_dict(&pickle)?;
    let mut storages: HashMap<&[u8], Vec<u8>> = HashMap::new();
    let (mut values, mut total) = (Vec::new(), 0);
    for tensor in &stored {
        if !storages.contains_key(tensor.storage) {
            let name = String::from_utf8_lossy(tensor.storage);
            storages.insert(tensor.storage, entry(&format!("data/{name}"))?);
        }
        let bytes = storages.get(tensor.storage).map_or(&[][..], |bytes| bytes);
        let gathered = gather(tensor, bytes);
        let gathered =
            gathered.ok_or_else(|| damaged(format!("{:?} leads out of its file", tensor.name)))?;
        total += gathered.len();
        // Tensors may share values, but a small file does not describe a huge model.
        if total > 8 * file.len() {
            return Err(damaged("its tensors are larger than the file".to_owned()));
        }
        values.push(gathered);
    }
    let views = stored.iter().zip(&values).map(|(tensor, bytes)| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), bytes);
        Ok((
            &tensor.name,
            view.map_err(|error| damaged(error.to_string()))?,
        ))
    });
    let views = views.collect::<Result<Vec<_>, NetworkError>>()?;
    safetensors::serialize(views, None).map_err(|error| damaged(error.to_string()))
}

/// The values of a tensor, the last dimension fastest; none if they lead out of the storage.
fn gather(tensor: &Stored<'_>, storage: &[u8]) -> Option<Vec<u8>> {
    let width = tensor.dtype.bitsize() / 8;
    let count = tensor
        .shape
        .iter()
        .try_fold(1_usize, |n, &dim| n.checked_mul(dim))?;
    if width == 0 || count > storage.len() / width {
        return None;
    }
    let mut bytes = Vec::with_capacity(count * width);
    let mut index = vec![0; tensor.shape.len()];
    for _ in 0..count {
        let at = index
            .iter()
            .zip(&tensor.stride)
            .try_fold(tensor.offset, |at, (&i, &step)| {
                at.checked_add(usize::checked_mul(i, step)?)
            })?;
        let start = at.checked_mul(width)?;
        bytes.extend_from_slice(storage.get(start..start.checked_add(width)?)?);
        for (place, &dim) in index.iter_mut().zip(&tensor.shape).rev() {
            *place += 1;
            if *place < dim {
                break;
            }
            *place = 0;
        }
    }
    Some(bytes)
}

/// The tensors of a `state_dict`, or of the one in a checkpoint.
fn state_dict<'f>(pickle: &Pickle<'f>) -> Result<Vec<Stored<'f>>, NetworkError> {
    let of = |dict: Id| -> Result<Vec<Stored<'f>>, NetworkError> {
        let mut stored = Vec::new();
        for &(name, value) in pickle.entries(dict) {
            let name = pickle.bytes(name).unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            if is_tensor(pickle, value) {
                stored.push(tensor(pickle, &name, value)?);
            }
        }
        Ok(stored)
    };
    let nested = ["state_dict", "model_state_dict", "model", "net"];
    let within = nested
        .iter()
        .filter_map(|key| pickle.get(pickle.root(), key));
    for dict in [pickle.root()].into_iter().chain(within) {
        let stored = of(dict)?;
        if !stored.is_empty() {
            return Ok(stored);
        }
    }
    Err(NetworkError::ForeignWeights {
        found: "a file of torch.save without the tensors of a state_dict, as of a whole module"
            .to_owned(),
        advice: "load it where its classes are, and save torch.save(module.state_dict(), \
                 'model.pt')",
    })
}

/// The function of a call, by its name, and its arguments.
fn call(pickle: &Pickle<'_>, id: Id) -> Option<(String, Id)> {
    match *pickle.node(id) {
        Node::Call {
            function,
            arguments,
            ..
        } => Some((pickle.global(function)?, arguments)),
        _ => None,
    }
}

fn is_tensor(pickle: &Pickle<'_>, id: Id) -> bool {
    call(pickle, id).is_some_and(|(function, _)| function.starts_with("torch._utils._rebuild_"))
}

fn tensor<'f>(pickle: &Pickle<'f>, name: &str, id: Id) -> Result<Stored<'f>, NetworkError> {
    let unknown = |found: &str| NetworkError::ForeignWeights {
        found: format!("a state_dict in which {name:?} is {found}"),
        advice: CONVERT,
    };
    let strange = || unknown("no plain tensor");
    let (mut function, mut arguments) = call(pickle, id).ok_or_else(strange)?;
    if function == "torch._utils._rebuild_parameter" {
        let inner = *pickle.items(arguments).first().ok_or_else(strange)?;
        (function, arguments) = call(pickle, inner).ok_or_else(strange)?;
    }
    let (&[storage, offset, shape, stride, ..], "torch._utils._rebuild_tensor_v2") =
        (pickle.items(arguments), &*function)
    else {
        return Err(strange());
    };
    let Node::Persistent(place) = *pickle.node(storage) else {
        return Err(strange());
    };
    let &[_, kind, key, ..] = pickle.items(place) else {
        return Err(strange());
    };
    let kind = pickle.global(kind).ok_or_else(strange)?;
    let dtype = match kind.strip_prefix("torch.").unwrap_or(&kind) {
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "BoolStorage" => Dtype::BOOL,
        _ => return Err(unknown(&format!("of {kind}"))),
    };
    let number = |id: &Id| {
        let number = pickle.integer(*id).ok_or_else(strange)?;
        usize::try_from(number).map_err(|_| strange())
    };
    let numbers = |id: Id| {
        pickle
            .items(id)
            .iter()
            .map(number)
            .collect::<Result<Vec<_>, _>>()
    };
    let (shape, stride) = (numbers(shape)?, numbers(stride)?);
    match shape.len() == stride.len() {
        true => Ok(Stored {
            name: name.to_owned(),
            dtype,
            storage: pickle.bytes(key).ok_or_else(strange)?,
            offset: number(&offset)?,
            shape,
            stride,
        }),
        false => Err(strange()),
    }
}
