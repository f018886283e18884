//! Which model, code, key and history a certificate speaks of.

use rescind_data::Digest;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::sync::LazyLock;

/// The released model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelIdentity {
    /// BLAKE3 of the released `weights.safetensors`.
    pub weights: Digest,
    /// What kind of model, as its description says.
    pub kind: String,
    /// BLAKE3 of the released `model.json`, which describes it.
    pub description: Digest,
    /// BLAKE3 of the run's `run.json`: the settings that training and retraining share.
    pub configuration: Option<Digest>,
    /// The number of parameters.
    pub parameters: u64,
    /// How many of them stay at the ball's centre in training, retraining and forgetting alike: they
    /// are released as they are. All others are noised.
    pub frozen: u64,
    /// Whether the outputs are those of the model linearised at the ball's centre,
    /// `J_f(x; c)(w − c)`; the release then holds it as `centre.safetensors`, unless it is the
    /// origin.
    pub linearised: bool,
    /// Batch-norm statistics in the released file.
    pub statistics: u64,
    /// What was done about batch-norm statistics, which no noise covers.
    pub batch_norm: BatchNorm,
    /// Names of the parts that leave the Hessian without a Lipschitz constant, or that nobody
    /// examined.
    pub rough_parts: Vec<String>,
    /// The ball in which the un-noised weights lie: checked in f64 before the noise.
    pub ball: BallIdentity,
}

/// What was done about batch-norm statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchNorm {
    /// The model has none.
    None,
    /// Recomputed on the retained records with the noised weights.
    RecomputedAfterNoise,
}

impl ModelIdentity {
    /// d, the number of parameters that are noised.
    #[must_use]
    pub fn noised(&self) -> u64 {
        self.parameters.saturating_sub(self.frozen)
    }

    /// Whether `centre.safetensors` is part of the release.
    #[must_use]
    pub fn has_centre_file(&self) -> bool {
        self.linearised && self.ball.centre.is_some()
    }
}

/// The ball to which all weights are projected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BallIdentity {
    /// R.
    pub radius: f64,
    /// BLAKE3 of the centre's values as little-endian binary32; absent for the origin.
    pub centre: Option<Digest>,
    /// The seed from which the model's description draws the centre, where it did: then the
    /// centre is independent of the records, and anybody can draw it again.
    pub seed: Option<u64>,
    /// Greatest absolute coordinate of the centre.
    pub largest_centre: f64,
}

/// The package that makes releases.
pub(crate) const PACKAGE: &str = "rescind";

/// The program that made a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeIdentity {
    /// Name of the library.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Whether it was built with `optimised` or `debug` settings.
    pub build: String,
    /// Processor architecture and operating system.
    pub platform: String,
    /// BLAKE3 of the file of the running program, absent where it cannot be read. It identifies the
    /// code only if the library was linked into that program.
    pub program: Option<Digest>,
}

impl CodeIdentity {
    /// The program that is running.
    #[must_use]
    pub fn current() -> Self {
        Self {
            package: PACKAGE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "optimised"
            }
            .to_owned(),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            program: *PROGRAM,
        }
    }
}

/// It does not change while it runs.
static PROGRAM: LazyLock<Option<Digest>> = LazyLock::new(|| {
    let file = std::env::current_exe().and_then(File::open).ok()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).ok()?;
    Some(Digest::from(*hasher.finalize().as_bytes()))
});

/// The place of a release in its run's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerAnchor {
    /// Entries before this release's own: that of its last request is among them.
    pub entries: u64,
    /// Digest of the last of them: the history cannot be rewritten without contradicting this.
    pub head: Digest,
}

/// The key that signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyIdentity {
    /// Always `ed25519`.
    pub algorithm: String,
    /// The public key, 64 hexadecimal digits.
    pub public_key: Digest,
    /// A short name for it, to be compared over another channel.
    pub fingerprint: String,
}

/// BLAKE3.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from(*blake3::hash(bytes).as_bytes())
}
