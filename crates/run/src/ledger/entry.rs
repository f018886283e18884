//! What the ledger records.

use rescind_data::Digest;
use rescind_privacy::accounting::Spending;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Delta, Epsilon};
use serde::{Deserialize, Serialize};

/// The (ε, δ) that must hold for every request, whatever is released later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// ε, at least 0.
    pub epsilon: f64,
    /// δ, above 0 and below 1.
    pub delta: f64,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// The run was made.
    Made(MadeEntry),
    /// Training ended, or weights from elsewhere were taken.
    Trained(TrainedEntry),
    /// Records left.
    Request(RequestEntry),
    /// Weights were released.
    Release(ReleaseEntry),
    /// The release's certificate.
    Certificate(CertificateEntry),
    /// The budget of all releases from here was set, changed or lifted.
    Budget(BudgetEntry),
    /// Another key signs from here.
    Key(KeyEntry),
    /// The run goes on in another place, on somebody's word that it does in no other.
    Place(PlaceEntry),
}

/// What the run was made of: nothing of it may change afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeEntry {
    /// BLAKE3 of `run.json`.
    pub configuration: Digest,
    /// BLAKE3 of `model.json`.
    pub description: Digest,
    /// BLAKE3 of `centre.safetensors`, where there is one.
    pub centre: Option<Digest>,
    /// Root of the manifest, keyed with a secret of its own.
    pub manifest: Digest,
    /// Whether its weights came from elsewhere.
    pub imported: bool,
    /// Commitment to the secret that the noise of its first release is drawn with.
    pub noise: Digest,
}

/// What training came to: what a request begins with, and what a rewinding goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedEntry {
    /// Digest of the private state, in which a random salt is.
    pub state: Digest,
    /// Digest of the early checkpoint's, where one was kept.
    pub early: Option<Digest>,
}

impl MadeEntry {
    /// What tells the run from every other, one made again of the same records with the same settings
    /// included: its private states name it. A copy of the run has the same.
    #[must_use]
    pub fn identity(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 run identity v1");
        for digest in [self.configuration, self.description, self.manifest] {
            hasher.update(digest.as_bytes());
        }
        Digest::from(*hasher.finalize().as_bytes())
    }
}

/// Records left the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestEntry {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made: RFC 3339, UTC.
    pub requested_at: String,
    /// How many records.
    pub records: u64,
    /// Commitment to which.
    pub commitment: Digest,
    /// Digest of the private state that resulted.
    pub state: Digest,
    /// Digest of the private answer, in which a random salt is, and of its idempotency key.
    pub answer: Digest,
}

/// Weights were released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseEntry {
    /// Its number: that of the last request it covers.
    pub number: u64,
    /// When: RFC 3339, UTC.
    pub released_at: String,
    /// What it spent, in the mechanism's own terms.
    pub spent: Spending,
    /// ε of this release alone.
    pub epsilon: Epsilon,
    /// At this δ.
    pub delta: Delta,
    /// What it rests on.
    pub kind: GuaranteeKind,
    /// Where the noise came from.
    pub origin: Origin,
    /// BLAKE3 of the released weights.
    pub weights: Digest,
    /// Digest of the release folder's files.
    pub content: Digest,
    /// Digest of the private state the release was made from.
    pub state: Digest,
    /// Commitment to the secret that the noise of the next release is drawn with.
    pub noise: Digest,
}

/// That a release has a certificate: the document itself lies in a table of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// Number of the release.
    pub release: u64,
    /// BLAKE3 of the file `certificate.json`.
    pub document: Digest,
    /// The public key that signed it.
    pub signer: Digest,
    /// BLAKE3 of the release's measurements.
    pub evidence: Digest,
}

/// The budget of all releases from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetEntry {
    /// When it was set: RFC 3339, UTC.
    pub set_at: String,
    /// The budget; none where it was lifted.
    pub budget: Option<Budget>,
}

/// Another key signs from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// When it was made: RFC 3339, UTC.
    pub made_at: String,
    /// The new key's public half.
    pub public_key: Digest,
    /// That of the key before, if it signed anything.
    pub replaces: Option<Digest>,
}

/// The run goes on in another place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceEntry {
    /// Since when: RFC 3339, UTC.
    pub since: String,
}

impl Entry {
    /// The kind of entry, as written in the ledger.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Made(_) => "made",
            Self::Trained(_) => "trained",
            Self::Request(_) => "request",
            Self::Release(_) => "release",
            Self::Certificate(_) => "certificate",
            Self::Budget(_) => "budget",
            Self::Key(_) => "key",
            Self::Place(_) => "place",
        }
    }

    pub(super) fn body(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Made(entry) => serde_json::to_string(entry),
            Self::Trained(entry) => serde_json::to_string(entry),
            Self::Request(entry) => serde_json::to_string(entry),
            Self::Release(entry) => serde_json::to_string(entry),
            Self::Certificate(entry) => serde_json::to_string(entry),
            Self::Budget(entry) => serde_json::to_string(entry),
            Self::Key(entry) => serde_json::to_string(entry),
            Self::Place(entry) => serde_json::to_string(entry),
        }
    }

    /// `None` for an unknown kind.
    pub(super) fn read(kind: &str, body: &str) -> Option<Result<Self, serde_json::Error>> {
        match kind {
            "made" => Some(serde_json::from_str(body).map(Self::Made)),
            "trained" => Some(serde_json::from_str(body).map(Self::Trained)),
            "request" => Some(serde_json::from_str(body).map(Self::Request)),
            "release" => Some(serde_json::from_str(body).map(Self::Release)),
            "certificate" => Some(serde_json::from_str(body).map(Self::Certificate)),
            "budget" => Some(serde_json::from_str(body).map(Self::Budget)),
            "key" => Some(serde_json::from_str(body).map(Self::Key)),
            "place" => Some(serde_json::from_str(body).map(Self::Place)),
            _ => None,
        }
    }
}
