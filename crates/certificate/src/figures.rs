//! Numbers for the reader, never smaller than they are.

/// Six significant digits, rounded up: what a reader sees must not promise more than was computed.
#[must_use]
pub fn upward(value: f64) -> String {
    let scientific = format!("{value:.5e}");
    let Some((digits, exponent)) = parts(&scientific) else {
        return scientific; // infinite or NaN
    };
    match scientific.parse::<f64>() {
        Ok(read) if read < value => shown(digits + 1, exponent),
        _ => shown(digits, exponent),
    }
}

/// Six significant digits, to the nearest: for figures that promise nothing.
#[must_use]
pub fn nearest(value: f64) -> String {
    let scientific = format!("{value:.5e}");
    parts(&scientific).map_or(scientific, |(digits, exponent)| shown(digits, exponent))
}

/// The six digits as a number, and the exponent of the first.
fn parts(scientific: &str) -> Option<(i64, i32)> {
    let (mantissa, exponent) = scientific.split_once('e')?;
    Some((
        mantissa.replace('.', "").parse().ok()?,
        exponent.parse().ok()?,
    ))
}

fn shown(digits: i64, exponent: i32) -> String {
    // Reading the digits back and printing them shortest drops the zeros at the end.
    let read = format!("{digits}e{}", exponent - 5)
        .parse::<f64>()
        .unwrap_or(f64::NAN);
    if (-3..6).contains(&exponent) || digits == 0 {
        format!("{read}")
    } else {
        format!("{read:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::{nearest, upward};
    use proptest::prelude::*;

    #[test]
    fn figures_read_well() {
        let table = [
            (1.0, "1"),
            (0.1, "0.1"),
            (3.730_631_634_9, "3.73064"),
            (1e-5, "1e-5"),
            (812_345_678.9, "8.12346e8"),
            (40.000_000_000_000_1, "40.0001"),
            (0.0, "0"),
        ];
        for (value, shown) in table {
            assert_eq!(upward(value), shown);
        }
        assert_eq!(nearest(40.000_000_000_000_1), "40");
        assert_eq!(upward(-0.25), "-0.25");
        assert_eq!(upward(9.999_999_9), "10");
        assert_eq!(upward(f64::INFINITY), "inf");
    }

    proptest! {
        #[test]
        fn never_less_and_hardly_more(mantissa in 1.0..10.0_f64, exponent in -300..300_i32) {
            let value = mantissa * 10f64.powi(exponent);
            let read: f64 = upward(value).parse().unwrap();
            prop_assert!(read >= value && read <= value * (1.0 + 1.01e-5), "{} {}", value, read);
        }
    }
}
