//! What decides which bound binds.

use super::facts::MethodFacts;

/// What decides which of several bounds binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundChoice {
    /// Settings and public numbers: which one binds tells nothing.
    Public,
    /// Measurements too. Then which one binds is something that was measured, also where that one
    /// rests on settings alone, and noise computed from it depends on the records.
    Measured,
}

impl BoundChoice {
    /// Which of the two, from settings and public facts, so that a verifier finds the same: a Newton
    /// step that was given a Hessian-Lipschitz constant measures a bound, unless the model has
    /// rough parts or batch norm and is none that its theorem speaks of.
    #[must_use]
    pub fn of(method: &MethodFacts, rough_parts: &[String], statistics: u64) -> Self {
        let applies = rough_parts.is_empty() && statistics == 0;
        match applies && measures_a_bound(method) {
            true => Self::Measured,
            false => Self::Public,
        }
    }
}

/// Whether a method measures what a bound of its own rests on.
pub(crate) fn measures_a_bound(method: &MethodFacts) -> bool {
    let given = method.setting("/constants/hessian_lipschitz");
    method.name == "newton" && given.is_some()
}
