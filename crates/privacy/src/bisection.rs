//! The least floating-point number with a property.

/// The least `f64` in `[low, high]` for which `holds`, or `None` if it does not hold at `high`.
///
/// Halves the ordered set of floating-point numbers itself, so it ends after at most 64 questions
/// with the exact threshold and needs no tolerance. `0 ≤ low ≤ high`, both finite, and `holds`
/// must be false below some number and true above; even where rounding breaks that, it was seen to
/// hold at the number returned.
pub(crate) fn least(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if !holds(high) {
        return None;
    }
    if holds(low) {
        return Some(low);
    }
    // Non-negative floats are ordered as their bit patterns are.
    let (mut fails, mut succeeds) = (low.to_bits(), high.to_bits());
    while succeeds - fails > 1 {
        let middle = fails + (succeeds - fails) / 2;
        if holds(f64::from_bits(middle)) {
            succeeds = middle;
        } else {
            fails = middle;
        }
    }
    Some(f64::from_bits(succeeds))
}

#[cfg(test)]
mod tests {
    use super::least;

    #[test]
    fn finds_the_very_threshold() {
        for threshold in [5e-324, 1e-200, 0.3, 1.0, 2.5e300] {
            let found = least(0.0, f64::MAX, |x| x >= threshold).unwrap();
            assert_eq!(found.to_bits(), f64::to_bits(threshold));
        }
    }

    #[test]
    fn says_when_nothing_holds_or_everything_does() {
        assert!(least(0.0, 1.0, |_| false).is_none());
        assert_eq!(
            least(0.25, 1.0, |_| true).map(f64::to_bits),
            Some(0.25f64.to_bits())
        );
    }
}
