//! How long the rest will take.

/// Seconds for the methods still to do: each as long as it took with other seeds on average, or as
/// the mean of all that is done where it was never done. Nothing while nothing is done.
pub(super) fn seconds_left(done: &[(String, f64)], left: &[String]) -> Option<f64> {
    let mean = |times: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = times.fold((0.0, 0_u32), |(sum, count), t| (sum + t, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let overall = mean(&mut done.iter().map(|(_, seconds)| *seconds))?;
    let each = left.iter().map(|method| {
        let same = done.iter().filter(|(name, _)| name == method);
        mean(&mut same.map(|(_, seconds)| *seconds)).unwrap_or(overall)
    });
    Some(each.sum())
}

#[cfg(test)]
mod tests {
    use super::seconds_left;

    #[test]
    fn each_method_takes_as_long_as_it_took() {
        let done: Vec<(String, f64)> = [("a", 10.0), ("b", 2.0), ("a", 14.0), ("b", 2.0)]
            .map(|(name, seconds)| (name.to_owned(), seconds))
            .into();
        let left = ["a", "b", "new"].map(str::to_owned);
        let found = seconds_left(&done, &left).unwrap();
        assert!((found - (12.0 + 2.0 + 7.0)).abs() < 1e-12, "{found}");
        assert_eq!(seconds_left(&[], &left), None);
        assert_eq!(seconds_left(&done, &[]), Some(0.0));
    }
}
