//! Settings that are out of range.

use crate::error::Error;

/// An error about `setting` unless `valid`.
///
/// # Errors
/// [`Error::Setting`].
pub fn require(
    valid: bool,
    setting: &'static str,
    found: f64,
    expected: &'static str,
) -> Result<(), Error> {
    if valid {
        Ok(())
    } else {
        Err(Error::Setting {
            setting,
            found: found.to_string(),
            expected,
        })
    }
}
