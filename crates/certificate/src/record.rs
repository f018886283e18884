//! The document.

use super::declaration::Declaration;
use super::facts::{DataFacts, FollowedBy, MethodFacts};
use super::identity::{CodeIdentity, KeyIdentity, LedgerAnchor, ModelIdentity};
use rescind_data::Digest;
use rescind_privacy::noise::{Grid, Origin, ReleaseFormat};
use rescind_privacy::sensitivity::{Constant, GuaranteeKind, Theorem};
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseChoice, NoiseScale, Sensitivity};
use serde::{Deserialize, Serialize};

/// The `format` of every certificate of this version.
pub const FORMAT: &str = "rescind-certificate-2";

/// What a release promises, and everything that rests on. See `docs/formats.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: String,
    /// Number of the release: that of the last request it covers.
    pub release: u64,
    /// The promise in numbers.
    pub guarantee: Guarantee,
    /// All bounds on the distance from retraining, smallest first, and what each would promise.
    pub bounds: Vec<BoundRecord>,
    /// The noise.
    pub noise: NoiseRecord,
    /// The requests this release is the first to cover, oldest first.
    pub requests: Vec<RequestRecord>,
    /// What had been released before.
    pub earlier: Earlier,
    /// What the promise rests on that no program can check.
    pub declarations: Vec<Declaration>,
    /// The released model.
    pub model: ModelIdentity,
    /// The records.
    pub data: DataFacts,
    /// The method.
    pub method: MethodFacts,
    /// The program.
    pub code: CodeIdentity,
    /// When the release was made: RFC 3339, UTC.
    pub released_at: String,
    /// Place in the ledger.
    pub ledger: LedgerAnchor,
    /// The key that signed.
    pub key: KeyIdentity,
    /// Ed25519 signature, 128 hexadecimal digits.
    pub signature: String,
}

/// The promise in numbers. All of it follows from the bounds and the noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// ε: as asked for if the noise was computed from it, else the least that holds at δ.
    pub epsilon: Epsilon,
    /// δ, all included.
    pub delta: Delta,
    /// The release is μ-GDP unless a constant is wrong.
    pub mu: Gdp,
    /// The weakest provenance it rests on.
    pub kind: GuaranteeKind,
    /// The theorem whose bound binds.
    pub binding: Theorem,
    /// Δ, that bound.
    pub sensitivity: Sensitivity,
    /// The share of δ that pays for constants that may be wrong.
    pub failure_probability: f64,
    /// The rest, for which the noise is computed.
    pub mechanism_delta: Delta,
}

/// One bound on the distance from retraining.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundRecord {
    /// The theorem.
    pub theorem: Theorem,
    /// Its inputs.
    pub constants: Vec<Constant>,
    /// The bound.
    pub value: f64,
    /// Its weakest constant.
    pub kind: GuaranteeKind,
    /// Probability that a constant is wrong.
    pub failure_probability: f64,
    /// Why no promise may rest on it; absent if one may.
    pub excluded: Option<String>,
    /// Δ/σ, if it may be relied on.
    pub mu: Option<Gdp>,
    /// What the noise promises at δ to those who rely on this bound, if they may.
    pub epsilon: Option<Epsilon>,
}

/// The noise that was added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseRecord {
    /// σ on every parameter, each time.
    pub sigma: NoiseScale,
    /// How often noise was added: once, or at every noisy step of fine-tuning.
    pub times: u64,
    /// How it was chosen.
    pub choice: NoiseChoice,
    /// Where the noise came from.
    pub origin: Origin,
    /// Bound on the absolute values before the last noise, from public settings.
    pub largest: f64,
    /// Number format of the released file.
    pub format: ReleaseFormat,
    /// The grid noised numbers lie on.
    pub grid: Grid,
    /// Numbers that were noised.
    pub count: u64,
    /// Those brought back to the grid's limit.
    pub clamped: u64,
    /// σ√d: how far noise moves the weights each time, nearly always.
    pub norm: f64,
    /// What happened to the noised numbers then.
    pub followed_by: FollowedBy,
}

/// One deletion request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// Its number in the run, from 1.
    pub number: u64,
    /// When it was made: RFC 3339, UTC.
    pub requested_at: String,
    /// How many records it removed.
    pub records: u64,
    /// [Commitment](rescind_data::commitment()) to which; its salt stays in the run.
    pub commitment: Digest,
}

/// What had been released before this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// Requests that earlier releases cover.
    pub requests: u64,
    /// Releases made while the records of this one were still in the model.
    pub releases: u64,
}
