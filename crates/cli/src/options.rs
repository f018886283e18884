//! Options that several commands share, each group turned into the library's own settings.

pub mod budget;
pub mod columns;
pub mod finetune;
pub mod method;
pub mod model;
pub mod records;
pub mod release;
pub mod training;

use rescind_privacy::PrivacyError;

/// A parser of numbers within a quantity's range.
pub fn quantity<T>(
    new: fn(f64) -> Result<T, PrivacyError>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let value = text.parse().map_err(|_| "not a number".to_owned())?;
        new(value).map_err(|error| error.to_string())
    }
}
