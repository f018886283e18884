//! The certificate of a release: what is promised, and everything the promise rests on.
//!
//! A certificate is the predicate of an in-toto statement in a DSSE envelope, described field by field in `docs/formats.md` and by the
//! JSON Schema `docs/certificate.schema.json`. It states inputs and what follows from them by
//! formulas of `rescind-privacy`; [`verify`](mod@verify) computes the latter again. No sentence is
//! part of it: those are made when it is shown, in the words of the reader's version. Nothing that was
//! measured on the records is part of it either, unless the promise rests on it: measurements are a
//! document of their own, [`EvidenceRecord`], that stays with the run.
#![warn(missing_docs)]

mod arithmetic;
mod assumption;
mod assumptions;
mod bound_choice;
mod consistency;
mod day;
mod declaration;
mod envelope;
mod evidence;
mod facts;
mod figures;
mod foundation;
mod identity;
mod markdown;
mod noising;
mod printable;
mod reading;
mod record;
mod rows;
mod sentences;
mod signature;
mod statement;
mod strict;
mod text;
pub mod verify;

pub use arithmetic::{MOST_DELTA, Terms, TermsError, epsilon_by, noise_norm, terms};
pub use assumption::{Assumption, AssumptionName};
pub use assumptions::{VACUOUS_EPSILON, assumptions, largest_sensible_delta};
pub use bound_choice::BoundChoice;
pub use consistency::{
    Contradiction, LEAST_GRADIENT_BOUND, contradictions, measured_contradictions,
};
pub use day::{Day, NotADay};
pub use declaration::{Declaration, Declared};
pub use envelope::{
    DigestSet, EnvelopeError, Opened, PAYLOAD_TYPE, PREDICATE_TYPE, ReleasedFile, STATEMENT_TYPE,
    open, sha256, signed_bytes,
};
pub use evidence::{EVIDENCE_FORMAT, EvidenceRecord, Measurements, MethodReported, SolveFacts};
pub use facts::{DataFacts, FollowedBy, InputScaling, MethodFacts};
pub use figures::{nearest, percentage, upward};
pub use identity::{
    BallIdentity, BatchNorm, CodeIdentity, KeyIdentity, LedgerAnchor, ModelIdentity, digest_of,
};
pub use noising::{largest_before_noise, largest_weight, noisings, released_parts};
pub use printable::is_name;
pub use reading::reading;
pub use record::{
    BoundRecord, Certificate, Earlier, Exclusion, FORMAT, Guarantee, NoiseRecord, RequestRecord,
};
pub use signature::{fingerprint, signs};
pub use statement::{found_at, statement};
