//! Numbers as people read them.

/// Four significant digits, in scientific notation only where it is shorter.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return if value.is_nan() {
            "not a number".into()
        } else {
            "unbounded".into()
        };
    }
    if size > 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let whole = if size >= 1.0 {
        size.log10().floor() as usize + 1
    } else {
        1
    };
    let text = format!(
        "{value:.*}",
        4_usize.saturating_sub(whole) + usize::from(size < 1.0)
    );
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A share from 0 to 1 as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A duration in the unit that fits.
pub fn seconds(value: f64) -> String {
    if value < 1e-3 {
        format!("{:.0} µs", value * 1e6)
    } else if value < 1.0 {
        format!("{:.3} s", value)
    } else if value < 120.0 {
        format!("{value:.1} s")
    } else {
        format!("{:.1} min", value / 60.0)
    }
}

/// A count with the noun it counts.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_lose_trailing_zeros() {
        let shown = [
            3.730_631_634,
            0.001,
            1e-5,
            800.0,
            1234.5,
            8.0e8,
            0.0,
            -0.25,
            1.0,
            0.123_456,
        ];
        let expected = [
            "3.731", "0.001", "1.000e-5", "800", "1234", "8.000e8", "0", "-0.25", "1", "0.1235",
        ];
        for (value, expected) in shown.into_iter().zip(expected) {
            assert_eq!(number(value), expected, "{value}");
        }
        assert_eq!(number(f64::INFINITY), "unbounded");
    }

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(
            [
                seconds(2.5e-5),
                seconds(0.25),
                seconds(12.0),
                seconds(600.0)
            ],
            ["25 µs", "0.250 s", "12.0 s", "10.0 min"]
        );
    }
}
