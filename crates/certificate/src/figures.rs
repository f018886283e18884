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

/// A share in per cent: two significant digits, rounded up, such as `2.0 %`; `100 %` at most.
#[must_use]
pub fn percentage(share: f64) -> String {
    let percent = (100.0 * share).next_up();
    if percent.partial_cmp(&100.0) != Some(std::cmp::Ordering::Less) {
        return "100 %".to_owned();
    }
    if percent < 1e-9 {
        return "1e-9 %".to_owned();
    }
    // The digits after the point that leave two in all, and of 99.999 as many as tell it from 100.
    let mut places = 1_usize.saturating_add_signed(-(percent.log10().floor() as isize));
    loop {
        let unit = 10_f64.powi(places as i32);
        // A figure that binary64 cannot hold exactly is not rounded up for that alone.
        let rounded = (percent * unit * (1.0 - 1e-12)).ceil() / unit;
        if rounded < 100.0 || places > 6 {
            return format!("{rounded:.places$} %");
        }
        places += 1;
    }
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
    use super::{nearest, percentage, upward};
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

    #[test]
    fn shares_read_well_and_are_rounded_up() {
        let table = [
            (0.01, "1.0 %"),
            (0.001, "0.10 %"),
            (0.05, "5.0 %"),
            (0.019_801, "2.0 %"),
            (0.020_01, "2.1 %"),
            (0.002_31, "0.24 %"),
            (0.5, "50 %"),
            (0.995, "99.5 %"),
            (0.999_99, "99.999 %"),
            (1.0, "100 %"),
            (1.0 - 1e-16, "100 %"),
            (0.0, "1e-9 %"),
            (f64::NAN, "100 %"),
        ];
        for (share, shown) in table {
            assert_eq!(percentage(share), shown);
        }
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
