//! Splits are disjoint and complete; orders are permutations that depend on seed and epoch.

use proptest::prelude::*;
use rescind_data::*;

fn ids(n: usize) -> Vec<Digest> {
    (0..n).map(|i| subject_hash(&i.to_string())).collect()
}

fn split(
    ids: Vec<Digest>,
    subjects: Option<&[String]>,
    held_out: HeldOut,
) -> Result<Split, ManifestError> {
    let secret = Digest::from([3; 32]);
    Ok(Manifest::of_identities("t", ids, subjects, secret, held_out)?.split())
}

proptest! {
    #[test]
    fn a_split_is_disjoint_and_complete_and_no_record_moves_another(
        n in 40_usize..200, gone in 0_usize..40, fraction in 0.0..0.8_f64, seed: u64,
    ) {
        let held_out = HeldOut { fraction, seed };
        let whole = split(ids(n), None, held_out).unwrap();
        let all = whole.train.union(&whole.validation).unwrap();
        prop_assert_eq!(all, Selection::all(n));
        prop_assert!(whole.train.positions().iter().all(|&i| !whole.validation.contains(i)));
        // One record fewer: every other one stays in its part.
        let mut fewer = ids(n);
        fewer.remove(gone);
        let left = split(fewer, None, held_out).unwrap().validation;
        let expected: Vec<usize> = whole.validation.positions().iter()
            .filter(|&&i| i != gone)
            .map(|&i| if i > gone { i - 1 } else { i })
            .collect();
        prop_assert_eq!(left.positions(), expected);
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
fn the_share_held_out_is_nearly_the_fraction_and_subjects_stay_together() {
    let held_out = HeldOut {
        fraction: 0.1,
        seed: 1,
    };
    let of_records = split(ids(100_000), None, held_out)
        .unwrap()
        .validation
        .len() as i64;
    // Standard deviation 95.
    assert!((of_records - 10_000).abs() < 400, "{of_records}");
    let subjects: Vec<String> = (0..300).map(|i| format!("p{}", i % 100)).collect();
    let parts = split(ids(300), Some(&subjects), held_out).unwrap();
    assert!(!parts.validation.is_empty());
    for &at in parts.validation.positions() {
        assert!(parts.validation.contains((at + 100) % 300));
    }
}

#[test]
fn fractions_that_leave_nothing_are_refused() {
    for fraction in [-0.1, 1.0, 2.0, f64::NAN, f64::INFINITY, 0.9999] {
        let error = split(ids(10), None, HeldOut { fraction, seed: 0 }).unwrap_err();
        assert!(
            matches!(error, ManifestError::Split(_)),
            "{fraction}: {error}"
        );
    }
    assert!(split(Vec::new(), None, HeldOut::NONE).is_err());
    assert!(
        split(ids(10), None, HeldOut::NONE)
            .unwrap()
            .validation
            .is_empty()
    );
}
