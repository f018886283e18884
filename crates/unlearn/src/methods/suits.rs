//! Whether a method can be used on a model at all.

use super::method::Method;
use super::table::suited_to;
use crate::error::Error;
use crate::model::Model;

/// Refuses a method that needs what the model does not offer, or would prove nothing on it, and
/// names the methods that would do.
///
/// # Errors
/// [`Error::NotProvable`].
pub fn check_suits(method: &dyn Method, model: &dyn Model) -> Result<(), Error> {
    let lacking = method.needs().iter().find(|need| !need.is_of(model));
    let reason = match (method.unsuited_to(model), lacking) {
        (None, None) => return Ok(()),
        (Some(unsuited), _) => unsuited.to_owned(),
        (None, Some(need)) => format!("it needs {need}, which the model does not offer"),
    };
    let others: Vec<&str> = suited_to(model).map(|other| other.name()).collect();
    Err(Error::NotProvable {
        reason: format!(
            "the method {} cannot be used here: {reason}; methods that can: {}",
            method.name(),
            others.join(", ")
        ),
    })
}
