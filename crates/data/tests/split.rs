//! Splits are disjoint and complete; orders are permutations that depend on seed and epoch.

use proptest::prelude::*;
use rescind_data::*;

proptest! {
    #[test]
    fn a_split_is_disjoint_complete_and_of_the_right_size(
        n in 2_usize..200, skip in 0_usize..3, fraction in 0.0..0.9_f64, seed: u64,
    ) {
        let among = Selection::new(n, (skip.min(n - 2)..n).collect()).unwrap();
        let held_out = (fraction * among.len() as f64).round() as usize;
        prop_assume!(held_out < among.len());
        let split = train_validation(&among, fraction, seed).unwrap();
        prop_assert_eq!(split.validation.len(), held_out);
        prop_assert!(split.train.positions().iter().all(|&i| !split.validation.contains(i)));
        prop_assert_eq!(split.train.union(&split.validation).unwrap(), among);
    }

    #[test]
    fn an_epoch_visits_every_record_once(n in 0_usize..300, seed: u64, epoch: u64) {
        let mut order = epoch_order(&Selection::all(n), seed, epoch);
        order.sort_unstable();
        prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
    }
}

#[test]
fn orders_differ_by_seed_and_epoch_and_are_uniform() {
    let all = Selection::all(100);
    assert_eq!(epoch_order(&all, 1, 2), epoch_order(&all, 1, 2));
    assert_ne!(epoch_order(&all, 1, 2), epoch_order(&all, 1, 3));
    assert_ne!(epoch_order(&all, 1, 2), epoch_order(&all, 2, 2));
    assert_ne!(epoch_order(&all, 1, 2), epoch_order(&all, 2, 1));
    // 6 orders of 3 records over 60 000 epochs: each 10 000 times, standard deviation 91.
    let mut counts = std::collections::BTreeMap::new();
    for epoch in 0..60_000 {
        *counts
            .entry(epoch_order(&Selection::all(3), 5, epoch))
            .or_insert(0_i64) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(
        counts.values().all(|count| (count - 10_000).abs() < 500),
        "{counts:?}"
    );
}

#[test]
fn fractions_that_leave_nothing_are_refused() {
    let all = Selection::all(10);
    for fraction in [-0.1, 1.0, 2.0, f64::NAN, f64::INFINITY, 0.96] {
        assert!(train_validation(&all, fraction, 0).is_err(), "{fraction}");
    }
    assert!(train_validation(&Selection::none(10), 0.0, 0).is_err());
    assert!(
        train_validation(&all, 0.0, 0)
            .unwrap()
            .validation
            .is_empty()
    );
}
