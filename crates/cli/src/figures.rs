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
    let leading = if size > 0.0 {
        size.log10().floor() as i32
    } else {
        0
    };
    let text = format!("{value:.*}", (3 - leading).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The same for what is promised, such as epsilon: never smaller than it is.
pub fn promise(value: f64) -> String {
    // Steps of a tenth of the last digit, or less, until the number shown is large enough.
    let steps = (0..=12).map(|step| number(value * (1.0 + 1e-4 * f64::from(step))));
    let mut shown = steps.filter(|shown| shown.parse().is_ok_and(|read: f64| read >= value));
    shown.next().unwrap_or_else(|| number(value))
}

/// A share from 0 to 1 as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A duration in the unit that fits.
pub fn seconds(value: f64) -> String {
    if value < 1e-5 {
        format!("{:.0} ns", value * 1e9)
    } else if value < 1e-3 {
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
    fn promises_are_never_shown_smaller_than_they_are() {
        for (value, expected) in [
            (1.0, "1"),
            (1.000_4, "1.001"),
            (8.017_1e6, "8.018e6"),
            (1e-5, "1.000e-5"),
        ] {
            assert_eq!(promise(value), expected, "{value}");
        }
        for step in 0..2000 {
            let value = 1e-7 * 1.019_f64.powi(step);
            let shown: f64 = promise(value).parse().unwrap();
            assert!(
                shown >= value && shown < value * 1.001,
                "{value} as {shown}"
            );
        }
    }

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(
            [
                seconds(3.4e-7),
                seconds(2.5e-5),
                seconds(0.25),
                seconds(12.0),
                seconds(600.0)
            ],
            ["340 ns", "25 µs", "0.250 s", "12.0 s", "10.0 min"]
        );
    }
}
