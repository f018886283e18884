//! The certificate of a release: what is promised, and everything the promise rests on.
//!
//! A certificate is one JSON document, described field by field in `docs/formats.md` and by the
//! JSON Schema `docs/certificate.schema.json`. Every figure in it is either an input or follows from the inputs by
//! formulas of `rescind-privacy`; [`crate::verify`] computes the latter again.

pub(crate) mod arithmetic;
mod assumptions;
mod canonical;
mod checksums;
mod consistency;
mod facts;
mod figures;
mod identity;
mod markdown;
mod noising;
mod record;
mod rows;
mod seal;
mod statement;
mod text;

pub use assumptions::{Assumption, AssumptionName};
pub use canonical::CanonicalError;
pub use facts::{DataFacts, FollowedBy, InputScaling, MethodFacts, NoiseChoice, SolveFacts};
pub use identity::{
    BallIdentity, BatchNorm, CodeIdentity, KeyIdentity, LedgerAnchor, ModelIdentity,
};
pub use record::{
    BoundRecord, Certificate, Earlier, FORMAT, Guarantee, NoiseRecord, RequestRecord,
};

pub use arithmetic::TermsError;
pub(crate) use assumptions::assumptions;

pub(crate) use canonical::{parse_strictly, signed_bytes};
pub(crate) use checksums::checksums;
pub(crate) use consistency::{Contradiction, contradictions};
pub(crate) use figures::{nearest, upward};
pub(crate) use identity::digest_of;
pub(crate) use noising::{largest_before_noise, largest_weight, noisings};
pub(crate) use statement::statement;
