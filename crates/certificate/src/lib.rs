//! The certificate of a release: what is promised, and everything the promise rests on.
//!
//! A certificate is one JSON document, described field by field in `docs/formats.md` and by the
//! JSON Schema `docs/certificate.schema.json`. It states inputs and what follows from them by
//! formulas of `rescind-privacy`; [`verify`](mod@verify) computes the latter again. No sentence is
//! part of it: those are made when it is shown, in the words of the reader's version.
#![warn(missing_docs)]

mod arithmetic;
mod assumptions;
mod canonical;
mod consistency;
mod declaration;
mod facts;
mod figures;
mod identity;
mod markdown;
mod noising;
mod record;
mod rows;
mod seal;
mod signature;
mod statement;
mod text;
pub mod verify;

pub use arithmetic::{Terms, TermsError, noise_norm, terms};
pub use assumptions::{Assumption, AssumptionName, assumptions};
pub use canonical::CanonicalError;
pub use consistency::{Contradiction, contradictions};
pub use declaration::{Declaration, Declared};
pub use facts::{DataFacts, FollowedBy, InputScaling, MethodFacts, SolveFacts};
pub use figures::{nearest, upward};
pub use identity::{
    BallIdentity, BatchNorm, CodeIdentity, KeyIdentity, LedgerAnchor, ModelIdentity, digest_of,
};
pub use noising::{largest_before_noise, largest_weight, noisings};
pub use record::{
    BoundRecord, Certificate, Earlier, FORMAT, Guarantee, NoiseRecord, RequestRecord,
};
pub use signature::{fingerprint, signs};
pub use statement::statement;
