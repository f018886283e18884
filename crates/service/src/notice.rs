//! What the desk tells whoever runs it, as it goes: no notice names a person.

use serde::Serialize;
use std::fmt;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// The desk takes calls.
    Listening {
        /// Where: `http://` or `https://` and an address.
        at: String,
    },
    /// A model was registered.
    Registered {
        /// Its name.
        model: String,
    },
    /// A model was taken away.
    Withdrawn {
        /// Its name.
        model: String,
    },
    /// A start line was passed over: it says what it said before, and an operator did otherwise since.
    SetAside {
        /// The model's name.
        model: String,
        /// What is so.
        why: &'static str,
    },
    /// A run answered requests.
    Answered {
        /// The model.
        model: String,
        /// How many requests.
        requests: usize,
        /// How many records left.
        records: usize,
        /// How long it took.
        seconds: f64,
    },
    /// A release was made, or found.
    Released {
        /// The model.
        model: String,
        /// Its number.
        release: u64,
    },
    /// Something that an operator may have to see to.
    Trouble {
        /// The model, or `desk`.
        of: String,
        /// The stable code.
        code: String,
        /// What went wrong, and what to do.
        detail: String,
    },
    /// The desk takes no more calls, and finishes.
    Ending,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { at } => write!(f, "listening on {at}"),
            Self::Registered { model } => write!(f, "{model}: registered"),
            Self::Withdrawn { model } => write!(f, "{model}: taken away"),
            Self::SetAside { model, why } => write!(
                f,
                "{model}: what the desk was started with is passed over, as the model {why} since: PUT \
                 /v1/models/{model} puts a run there"
            ),
            Self::Answered {
                model,
                requests,
                records,
                seconds,
            } => write!(
                f,
                "{model}: {requests} request(s) answered, {records} record(s) forgotten in {seconds:.3} s"
            ),
            Self::Released { model, release } => write!(f, "{model}: release {release}"),
            Self::Trouble { of, code, detail } => write!(f, "{of}: {code}: {detail}"),
            Self::Ending => f.write_str("ending"),
        }
    }
}
