//! Times as documents write them.

use std::time::{Duration, UNIX_EPOCH};

/// So many seconds after 1970: RFC 3339, UTC.
pub(crate) fn rfc3339(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
