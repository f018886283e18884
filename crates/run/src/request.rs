//! A deletion request, and its answer.

use crate::error::Error;
use crate::ledger::Budget;
use crate::release::Released;
use crate::time::rfc3339;
use rescind_data::{Digest, RecordRequest, Selection};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::SensitivityBound;
use rescind_unlearn::Measured;
use rescind_unlearn::methods::{MethodChoice, MethodReport};
use serde::{Deserialize, Serialize};

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The records to forget: all that any of these names, at least one.
    pub records: Vec<RecordRequest>,
    /// How to forget them; absent: the method that suits the model best, or training afresh where more
    /// records go than a step can forget.
    #[serde(default)]
    pub method: Option<MethodChoice>,
    /// How to release the result; absent: only the private state changes, and the next release
    /// covers this request too.
    #[serde(default)]
    pub release: Option<ReleaseChoice>,
    /// The caller's own name for this request: asked again under the same name, the same request
    /// gets the same answer and is not carried out again.
    #[serde(default)]
    pub key: Option<String>,
}

impl Request {
    /// For these records, by the method that suits the model, without a release.
    #[must_use]
    pub fn of(records: RecordRequest) -> Self {
        Self {
            records: vec![records],
            method: None,
            release: None,
            key: None,
        }
    }

    /// By this method.
    #[must_use]
    pub fn by(self, method: MethodChoice) -> Self {
        Self {
            method: Some(method),
            ..self
        }
    }

    /// Released in this way.
    #[must_use]
    pub fn released(self, release: ReleaseChoice) -> Self {
        Self {
            release: Some(release),
            ..self
        }
    }

    /// Under this name.
    #[must_use]
    pub fn keyed(self, key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }

    /// What tells two requests apart, without naming anybody.
    pub(crate) fn digest(&self) -> Result<Digest, Error> {
        let asked = (&self.records, &self.method, &self.release);
        let bytes = serde_json::to_vec(&asked).map_err(Error::Document)?;
        let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 request v1");
        hasher.update(&bytes);
        Ok(Digest::from(*hasher.finalize().as_bytes()))
    }
}

/// How to release.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseChoice {
    /// How much noise.
    pub noise: NoiseChoice,
    /// With a promise: release even if the noise outweighs the weights. Whether it does is a fact
    /// about weights without noise, so no certificate says what stood here.
    #[serde(default)]
    pub accept_noise: bool,
    /// A seed for the noise, for experiments alone: whoever knows it can take the noise off.
    #[serde(default)]
    pub insecure_noise_seed: Option<u64>,
    /// The promise to every request, past ones included, that this release must not break. It
    /// becomes the run's, which every later release keeps without being told; a run that has one
    /// refuses another here.
    #[serde(default)]
    pub budget: Option<Budget>,
}

impl ReleaseChoice {
    /// With this noise from the operating system's generator, without a budget.
    #[must_use]
    pub fn new(noise: NoiseChoice) -> Self {
        Self {
            noise,
            accept_noise: false,
            insecure_noise_seed: None,
            budget: None,
        }
    }
}

/// A request answered, as the run remembers it. Private: nothing in it carries noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made, in seconds since 1970 (UTC).
    pub requested_at: u64,
    /// What kinds of records were asked for; a subject's name is left out.
    pub asked: Vec<String>,
    /// Digest of what was asked.
    pub(crate) digest: Digest,
    /// The salt of its commitment.
    pub(crate) salt: Digest,
    /// The records forgotten.
    pub forgotten: Selection,
    /// Records the request names that were held out for validation, so never trained on.
    pub held_out: Selection,
    /// How many records the request names that were forgotten before.
    #[serde(default)]
    pub already: usize,
    /// Records that stay although their contents equal those of a forgotten one.
    pub copies_retained: Selection,
    /// The classes of which no record is left: the model goes on having outputs for them.
    pub emptied_classes: Vec<String>,
    /// What the method did.
    pub method: MethodReport,
    /// Bounds on the distance of what it led to from retraining; empty where noise was part of
    /// the method.
    pub(crate) bounds: Vec<SensitivityBound>,
    /// Whether training had ended when it was answered.
    pub training_finished: bool,
    /// Whether it was released at once.
    pub released: bool,
    /// The private model before and after, where the model can tell.
    pub effect: Option<Effect>,
    /// Seconds from the request to the new private state, before release.
    pub seconds: f64,
}

impl Answered {
    /// When it was made: RFC 3339, UTC; after the year 9999 that year's end.
    #[must_use]
    pub fn requested(&self) -> String {
        rfc3339(self.requested_at)
    }

    /// Whether noise was part of the method's steps.
    pub(crate) fn was_noised_within(&self) -> bool {
        self.bounds.is_empty()
    }
}

/// What a request changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// On the records forgotten, before.
    pub forgotten_before: Measured,
    /// On the records forgotten, after.
    pub forgotten_after: Measured,
    /// On the test records, before.
    pub test_before: Measured,
    /// On the test records, after.
    pub test_after: Measured,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// What was done.
    pub record: Answered,
    /// The release, if one was asked for.
    pub release: Option<Released>,
    /// Whether this is the answer to an earlier request of the same key, given again.
    pub repeated: bool,
}
