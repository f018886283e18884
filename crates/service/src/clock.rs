//! Times as the database and documents have them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that RFC 3339 can write.
const LAST: i64 = 253_402_300_799;

/// Seconds since 1970 by this machine's clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs().min(LAST as u64) as i64
}

/// RFC 3339, UTC.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let seconds = Duration::from_secs(seconds.clamp(0, LAST) as u64);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + seconds).to_string()
}

/// Seconds since 1970 of a time in RFC 3339, UTC (`Z`).
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let at = humantime::parse_rfc3339(text).ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(since).ok().filter(|&at| at <= LAST)
}

#[cfg(test)]
mod tests {
    use super::{rfc3339, seconds};

    #[test]
    fn times_are_read_as_they_are_written() {
        for at in [0, 1, 1_700_000_000, 253_402_300_799] {
            assert_eq!(seconds(&rfc3339(at)), Some(at));
        }
        for wrong in [
            "",
            "2026-11-28",
            "28 November",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
