//! Times as documents write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that RFC 3339 can write: the end of the year 9999.
const LAST: u64 = 253_402_300_799;

/// So many seconds after 1970: RFC 3339, UTC. Later than the year 9999 is its end: times are
/// remarks, and order nothing.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// Seconds after 1970 by this machine's clock, at least one: what a clock says is a remark, however
/// wrong it goes.
pub(crate) fn now() -> u64 {
    seconds(SystemTime::now())
}

fn seconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::{rfc3339, seconds};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_clock_before_1970_says_its_first_second() {
        let hour = Duration::from_secs(3600);
        assert_eq!(seconds(UNIX_EPOCH - hour), 1);
        assert_eq!(seconds(UNIX_EPOCH), 1);
        assert_eq!(seconds(UNIX_EPOCH + hour), 3600);
    }

    #[test]
    fn no_time_is_too_late_to_be_written() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
