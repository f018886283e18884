//! What a model is, for storage, certificates and verification.

use crate::moving::Moving;
use crate::outputs::OutputLoss;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_data::Digest;
use serde::{Deserialize, Serialize};

/// A model's identity: all that storage, release and verification know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelDescription {
    /// What kind of model, such as `network`; an outside model chooses its own word.
    pub kind: String,
    /// Whether the outputs are those of the model linearised at the ball's centre,
    /// `J_f(x; c)(w − c)`: a release then holds the centre too (docs/theory.md §3).
    #[serde(default)]
    pub linearised: bool,
    /// The loss in the outputs, of a model that is linear in its weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<OutputLoss>,
    /// The parameters' tensors in the order of the flat vector.
    pub tensors: Vec<Tensor>,
    /// Tensors of statistics that are no parameters, such as batch norm's; released, never noised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<Tensor>,
    /// Whether the Hessian has a Lipschitz constant at all.
    pub smoothness: Smoothness,
    /// Everything else that decides the outputs, such as the graph of layers, or the digest of an
    /// architecture and its frozen tensors.
    pub architecture: serde_json::Value,
}

/// A named block of the flat vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Its name, unique in the model.
    pub name: String,
    /// Its shape; empty for a single number.
    pub shape: Vec<usize>,
    /// How many inputs an output of its layer sums over: fresh values are uniform within
    /// `±1/√fan_in`. 0 for a tensor that starts at a constant: 1 where its name ends in
    /// `.weight`, else 0.
    #[serde(default)]
    pub fan_in: usize,
    /// Whether it stays at the ball's centre in training, retraining and forgetting alike, as a
    /// head's backbone does: it is released as it is, without noise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub frozen: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Tensor {
    /// How many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which parts of a model leave its Hessian without a Lipschitz constant (docs/theory.md §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Smoothness {
    /// Every part was looked at; these are not smooth. None of them: the Hessian is Lipschitz on a
    /// bounded set.
    Examined {
        /// Names of the parts that are not.
        rough: Vec<String>,
    },
    /// Nobody looked.
    NotExamined,
}

impl Smoothness {
    /// What the theorem of the Newton step has against the model: the names of its rough parts.
    #[must_use]
    pub fn rough_parts(&self) -> Vec<String> {
        match self {
            Self::Examined { rough } => rough.clone(),
            Self::NotExamined => vec!["(not examined)".to_owned()],
        }
    }
}

impl ModelDescription {
    /// d.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.iter().map(Tensor::len).sum()
    }

    /// Which parameters training moves.
    #[must_use]
    pub fn moving(&self) -> Moving {
        let tensors = self.tensors.iter();
        Moving::of_tensors(tensors.map(|tensor| (tensor.len(), tensor.frozen)))
    }

    /// How many parameters stay at the centre.
    #[must_use]
    pub fn frozen(&self) -> usize {
        let frozen = self.tensors.iter().filter(|tensor| tensor.frozen);
        frozen.map(Tensor::len).sum()
    }

    /// How many statistics.
    #[must_use]
    pub fn statistic_count(&self) -> usize {
        self.statistics.iter().map(Tensor::len).sum()
    }

    /// Fresh weights by PyTorch's default rule, a function of this description and the seed alone:
    /// the same anywhere, so that whoever verifies a release can draw a centre again.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Vec<f32> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut weights = Vec::with_capacity(self.parameters());
        for tensor in &self.tensors {
            let end = weights.len() + tensor.len();
            if tensor.fan_in == 0 {
                let scale = tensor.name.ends_with(".weight");
                weights.resize(end, if scale { 1.0 } else { 0.0 });
                continue;
            }
            let bound = 1.0 / (tensor.fan_in as f64).sqrt();
            while weights.len() < end {
                weights.push(generator.random_range(-bound..bound) as f32);
            }
        }
        weights
    }

    /// The content of the file `model.json`.
    ///
    /// # Errors
    /// [`serde_json::Error`] for an architecture that JSON cannot hold.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// BLAKE3 of [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// As [`to_json`](Self::to_json).
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Ok(Digest::from(*blake3::hash(&self.to_json()?).as_bytes()))
    }
}
