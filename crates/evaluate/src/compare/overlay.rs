//! Settings written as what differs from the default.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// `base` with the named fields replaced. Fields it does not have are refused by its own
/// `deny_unknown_fields`.
pub(super) fn overlay<T: Serialize + DeserializeOwned>(
    base: &T,
    changes: &Map<String, Value>,
) -> Result<T, String> {
    let mut value = serde_json::to_value(base).map_err(|error| error.to_string())?;
    if let Value::Object(fields) = &mut value {
        fields.extend(changes.clone());
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}
