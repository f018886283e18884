//! The document.

use super::assumption::Assumption;
use super::bound_choice::BoundChoice;
use super::day::Day;
use super::declaration::Declaration;
use super::facts::{DataFacts, FollowedBy, MethodFacts};
use super::identity::{CodeIdentity, KeyIdentity, LedgerAnchor, ModelIdentity};
use rescind_data::Digest;
use rescind_privacy::noise::{Grid, Origin, ReleaseFormat};
use rescind_privacy::sensitivity::{Constant, GuaranteeKind, Theorem};
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseChoice, NoiseScale};
use serde::{Deserialize, Serialize};

/// The `format` of every certificate of this version.
pub const FORMAT: &str = "rescind-certificate-2";

/// What a release promises, and everything that rests on. Public: it holds settings, public counts,
/// commitments and what follows from them, but no measurement that the promise does not rest on; those
/// are [evidence](super::EvidenceRecord). See `docs/formats.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: String,
    /// Number of the release: that of the last request it covers.
    pub release: u64,
    /// The promise in numbers.
    pub guarantee: Guarantee,
    /// Bounds on the distance from retraining, smallest first: the one that binds, and those that rest
    /// on nothing measured.
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
    /// What the promise takes for granted. It follows from the other fields.
    pub assumptions: Vec<Assumption>,
    /// The program.
    pub code: CodeIdentity,
    /// The day of the release.
    pub released_on: Day,
    /// Place in the ledger.
    pub ledger: LedgerAnchor,
    /// The key that signed.
    pub key: KeyIdentity,
}

/// The promise in numbers. All of it follows from the bounds and the noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// ε: as asked for if the noise was computed from it, else the least that holds at δ.
    pub epsilon: Epsilon,
    /// δ, all included.
    pub delta: Delta,
    /// θ = Δ/σ: the release is θ-GDP unless a constant is wrong (docs/theory.md §1).
    pub gdp: Gdp,
    /// The weakest provenance it rests on.
    pub kind: GuaranteeKind,
    /// The theorem whose bound binds.
    pub binding: Theorem,
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
    pub excluded: Option<Exclusion>,
}

/// Why no promise may rest on a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// The theorem needs a Lipschitz Hessian, which the model's rough parts do not have.
    HessianNotLipschitz,
    /// Its constants may be wrong with a probability that leaves nothing of δ.
    FailureExceedsDelta,
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
    /// What happened to the noised numbers then.
    pub followed_by: FollowedBy,
}

/// One deletion request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// Its number in the run, from 1.
    pub number: u64,
    /// The day it was made.
    pub requested_on: Day,
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

impl Certificate {
    /// The bound that binds, which every certificate that was released has.
    #[must_use]
    pub fn binding(&self) -> Option<&BoundRecord> {
        let binding = self.guarantee.binding;
        self.bounds.iter().find(|bound| bound.theorem == binding)
    }

    /// Δ: the bound that binds; not a number in a document that states no such bound.
    #[must_use]
    pub fn sensitivity(&self) -> f64 {
        self.binding().map_or(f64::NAN, |bound| bound.value)
    }

    /// Whether measurements had a say in which bound binds.
    #[must_use]
    pub fn bound_choice(&self) -> BoundChoice {
        let model = &self.model;
        BoundChoice::of(&self.method, &model.rough_parts, model.statistics)
    }

    /// Records that its requests removed.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        let removed = self.requests.iter().map(|request| request.records);
        removed.fold(0, u64::saturating_add)
    }
}
