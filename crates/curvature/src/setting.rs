//! Settings that cannot be used.

/// A setting outside its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{setting} is {found}, but must be {expected}")]
pub struct InvalidSetting {
    /// Name of the setting.
    pub setting: &'static str,
    /// The value found.
    pub found: f64,
    /// What would be accepted.
    pub expected: &'static str,
}

impl InvalidSetting {
    /// This error about `setting` unless `valid`.
    pub(crate) fn unless(
        valid: bool,
        setting: &'static str,
        found: f64,
        expected: &'static str,
    ) -> Result<(), Self> {
        if valid {
            Ok(())
        } else {
            Err(Self {
                setting,
                found,
                expected,
            })
        }
    }

    /// This error unless `value` is at least 1.
    pub(crate) fn unless_positive(setting: &'static str, value: u64) -> Result<(), Self> {
        Self::unless(value > 0, setting, value as f64, "at least 1")
    }
}
