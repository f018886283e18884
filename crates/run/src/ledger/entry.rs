//! What the ledger records.

use rescind_data::Digest;
use rescind_privacy::accounting::Spending;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;
use rescind_privacy::{Delta, Epsilon};
use serde::{Deserialize, Serialize};

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Records left.
    Request(RequestEntry),
    /// Weights were released.
    Release(ReleaseEntry),
    /// The release's certificate.
    Certificate(CertificateEntry),
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
}

/// That a release has a certificate: the document itself lies in a table of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// Number of the release.
    pub release: u64,
    /// BLAKE3 of the file `certificate.json`.
    pub document: Digest,
}

impl Entry {
    /// The kind of entry, as written in the ledger.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Release(_) => "release",
            Self::Certificate(_) => "certificate",
        }
    }

    pub(super) fn body(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Request(entry) => serde_json::to_string(entry),
            Self::Release(entry) => serde_json::to_string(entry),
            Self::Certificate(entry) => serde_json::to_string(entry),
        }
    }

    /// `None` for an unknown kind.
    pub(super) fn read(kind: &str, body: &str) -> Option<Result<Self, serde_json::Error>> {
        match kind {
            "request" => Some(serde_json::from_str(body).map(Self::Request)),
            "release" => Some(serde_json::from_str(body).map(Self::Release)),
            "certificate" => Some(serde_json::from_str(body).map(Self::Certificate)),
            _ => None,
        }
    }
}
