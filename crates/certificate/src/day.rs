//! Days, the finest times that are published.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::SystemTime;

/// A day in UTC, such as `2026-03-01`. Times to the second would tell how long a request took, which
/// depends on the records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(String);

/// A text that is no day.
#[derive(Debug, thiserror::Error)]
#[error("{found:?} is no day: expected one like 2026-03-01, in UTC")]
pub struct NotADay {
    found: String,
}

impl Day {
    /// The day of a time in RFC 3339, UTC.
    ///
    /// # Errors
    /// [`NotADay`] unless it is such a time.
    pub fn of(time: &str) -> Result<Self, NotADay> {
        let not = || NotADay {
            found: time.to_owned(),
        };
        let at = humantime::parse_rfc3339(time).map_err(|_| not())?;
        let text = humantime::format_rfc3339_seconds(at).to_string();
        text.get(..10)
            .map(|day| Self(day.to_owned()))
            .ok_or_else(not)
    }
}

impl Day {
    /// Its first moment.
    #[must_use]
    pub fn midnight(&self) -> SystemTime {
        let first = humantime::parse_rfc3339(&format!("{}T00:00:00Z", self.0));
        // A day is read from such a time.
        first.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl TryFrom<String> for Day {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Self, NotADay> {
        match Self::of(&format!("{text}T00:00:00Z")) {
            Ok(day) if day.0 == text => Ok(day),
            _ => Err(NotADay { found: text }),
        }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn a_time_keeps_its_day_and_nothing_else_is_one() {
        let day = Day::of("2026-03-01T23:59:59.25Z").unwrap();
        assert_eq!(day.to_string(), "2026-03-01");
        assert_eq!(
            day.midnight(),
            humantime::parse_rfc3339("2026-03-01T00:00:00Z").unwrap()
        );
        assert!(day < Day::of("2026-03-02T00:00:00Z").unwrap());
        assert_eq!(Day::try_from("2026-03-01".to_owned()).unwrap(), day);
        for text in [
            "",
            "2026-02-30",
            "2026-03-01T00:00:00Z",
            " 2026-03-01",
            "26-03-01",
        ] {
            assert!(Day::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Day::of("yesterday").is_err());
    }
}
