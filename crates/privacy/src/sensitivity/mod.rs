//! Bounds on the distance from retraining, as values that can be checked.
//!
//! A [`SensitivityBound`] is a named [`Theorem`] together with every [`Constant`] it was given and
//! where each came from. Its value cannot differ from what the constants give, also after a trip
//! through a file. [`CandidateBounds`] holds all bounds known for one release and says which binds.

mod bound;
mod candidates;
mod constant;
mod provenance;
mod rewinding;
mod symbol;
mod theorem;

pub use bound::SensitivityBound;
pub use candidates::CandidateBounds;
pub use constant::Constant;
pub use provenance::{GuaranteeKind, Provenance};
pub use symbol::Symbol;
pub use theorem::Theorem;
