//! Numbers as people read them.

use serde::Serialize;

/// From here on ε protects nobody.
pub(crate) const VACUOUS: f64 = rescind::certificate::VACUOUS_EPSILON;

/// Four significant digits.
pub(crate) fn number(value: f64) -> String {
    rounded(value, 4, f64::round)
}

/// Six significant digits, as certificates have, and never below the value: for what is promised.
pub(crate) fn above(value: f64) -> String {
    rounded(value, 6, f64::ceil)
}

fn rounded(value: f64, digits: i32, to_whole: fn(f64) -> f64) -> String {
    if !value.is_finite() {
        return match value.is_nan() {
            true => "not a number".to_owned(),
            false => "unbounded".to_owned(),
        };
    }
    if value.abs() < f64::MIN_POSITIVE {
        return "0".to_owned();
    }
    // The shortest form that reads back as the value: its digits need no arithmetic.
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let mantissa: f64 = mantissa.parse().unwrap_or(value);
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let whole = to_whole(mantissa * 10_f64.powi(digits - 1));
    let read = format!("{whole}e{}", exponent - digits + 1).parse::<f64>();
    let read = read.unwrap_or(value);
    match (1e-3..1e6).contains(&read.abs()) {
        true => format!("{read}"),
        false => format!("{read:e}"),
    }
}

/// A share from 0 to 1 as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// A name as the documents have it, without what joins its words.
pub(crate) fn named(name: &impl Serialize) -> String {
    let name = serde_json::to_value(name).ok();
    let name = name.as_ref().and_then(|name| name.as_str());
    name.unwrap_or_default().replace(['_', '-'], " ")
}

/// A duration in the unit that fits.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        v if v < 1e-3 => format!("{:.0} \u{b5}s", v * 1e6),
        v if v < 1.0 => format!("{v:.3} s"),
        v if v < 120.0 => format!("{v:.1} s"),
        v if v < 7200.0 => format!("{:.1} min", v / 60.0),
        v => format!("{:.1} h", v / 3600.0),
    }
}

/// A count with the noun it counts.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well_and_promises_are_never_understated() {
        for (value, nearest, up) in [
            (1.0, "1", "1"),
            (3.730_631_6, "3.731", "3.73064"),
            (800_171_200.0, "8.002e8", "8.00172e8"),
            (40.000_000_000_000_1, "40", "40.0001"),
            (1e-5, "1e-5", "1e-5"),
            (0.1, "0.1", "0.1"),
            (0.0, "0", "0"),
            (999.96, "1000", "999.96"),
            (-0.25, "-0.25", "-0.25"),
            (f64::INFINITY, "unbounded", "unbounded"),
        ] {
            assert_eq!(
                (number(value).as_str(), above(value).as_str()),
                (nearest, up)
            );
            assert!(!value.is_finite() || above(value).parse::<f64>().unwrap() >= value);
        }
        assert_eq!(
            [
                seconds(2.5e-5),
                seconds(0.25),
                seconds(12.0),
                seconds(600.0),
                seconds(9000.0)
            ],
            ["25 \u{b5}s", "0.250 s", "12.0 s", "10.0 min", "2.5 h"]
        );
        assert_eq!(
            (count(1, "record"), count(0, "record")),
            ("1 record".into(), "0 records".into())
        );
    }
}
