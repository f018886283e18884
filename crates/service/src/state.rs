//! Where a request stands.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a request stands, in OpenDSR's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestState {
    /// Received; no model has begun to answer it.
    Pending,
    /// A model has begun to.
    InProgress,
    /// Done in every model.
    Completed,
    /// Taken back before any model began.
    Cancelled,
}

/// Where it stands in one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartState {
    /// To be answered.
    Waiting,
    /// In the batch that is being answered.
    Answering,
    /// Gone from the private weights; the next release covers it.
    Forgotten,
    /// Done: covered by a release, or gone from weights that are never released.
    Done,
    /// Done: the model was not trained on such records, or has forgotten them before.
    NothingHeld,
    /// Refused or failed: an operator has to see to it.
    Held,
    /// Taken back.
    Cancelled,
    /// An operator's word: nothing more is to be done in this model.
    Dismissed,
    /// The model was taken away before it was done.
    Withdrawn,
}

macro_rules! texts {
    ($type:ident, $($state:ident $text:literal),*) => {
        impl $type {
            /// As the database has it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$state => $text,)*
                }
            }

            /// What the database has.
            pub fn read(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$state),)*
                    _ => None,
                }
            }
        }
    };
}

texts!(RequestState, Pending "pending", InProgress "in_progress", Completed "completed", Cancelled "cancelled");
texts!(PartState, Waiting "waiting", Answering "answering", Forgotten "forgotten", Done "done",
    NothingHeld "nothing_held", Held "held", Cancelled "cancelled", Dismissed "dismissed",
    Withdrawn "withdrawn");

impl PartState {
    /// Whether nothing more is to be done in this model.
    pub fn is_over(self) -> bool {
        self == Self::Done || self.held_nothing()
    }

    /// Whether that is so, and the model did nothing.
    fn held_nothing(self) -> bool {
        matches!(self, Self::NothingHeld | Self::Dismissed | Self::Withdrawn)
    }
}

impl RequestState {
    /// What follows for a request from where it stands in its models, and whether a run answered it, be it
    /// one that is a model's no more.
    pub fn of(parts: &[PartState], answered: bool) -> Self {
        use PartState::{Cancelled, Waiting};
        if parts.contains(&Cancelled) {
            return Self::Cancelled;
        }
        match parts {
            _ if parts.iter().all(|part| part.is_over()) => Self::Completed,
            // A model that did something has begun.
            _ if !answered
                && parts
                    .iter()
                    .all(|part| *part == Waiting || part.held_nothing()) =>
            {
                Self::Pending
            }
            _ => Self::InProgress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PartState, RequestState};

    #[test]
    fn a_request_stands_where_its_parts_do() {
        use PartState::{
            Answering, Cancelled, Dismissed, Done, Forgotten, Held, NothingHeld, Waiting, Withdrawn,
        };
        for (parts, expected) in [
            (&[Waiting][..], RequestState::Pending),
            (&[Waiting, NothingHeld], RequestState::Pending),
            (&[Waiting, Done], RequestState::InProgress),
            (&[Answering, NothingHeld], RequestState::InProgress),
            (&[Forgotten, Done], RequestState::InProgress),
            (&[Held], RequestState::InProgress),
            (&[Done, NothingHeld], RequestState::Completed),
            (&[NothingHeld], RequestState::Completed),
            (&[Dismissed, Withdrawn, Done], RequestState::Completed),
            (&[Waiting, Withdrawn], RequestState::Pending),
            (&[Cancelled, NothingHeld], RequestState::Cancelled),
        ] {
            assert_eq!(RequestState::of(parts, false), expected, "{parts:?}");
        }
        // What a run did that was replaced since was done.
        let again = RequestState::of(&[Waiting, Withdrawn], true);
        assert_eq!(again, RequestState::InProgress);
        for state in ["pending", "in_progress", "completed", "cancelled"] {
            assert_eq!(RequestState::read(state).unwrap().as_str(), state);
        }
        assert_eq!(RequestState::read("done"), None);
    }
}
