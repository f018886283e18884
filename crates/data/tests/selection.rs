//! Selections against the standard library's sets, and their written form.

use proptest::prelude::*;
use rescind_data::*;
use std::collections::BTreeSet;

const N: usize = 40;

fn set() -> impl Strategy<Value = BTreeSet<usize>> {
    prop::collection::btree_set(0..N, 0..N)
}

fn selection(set: &BTreeSet<usize>) -> Selection {
    Selection::new(N, set.iter().rev().copied().collect()).unwrap()
}

fn positions(selection: &Selection) -> BTreeSet<usize> {
    assert!(selection.positions().is_sorted());
    let set: BTreeSet<usize> = selection.positions().iter().copied().collect();
    assert_eq!(set.len(), selection.len());
    set
}

proptest! {
    #[test]
    fn set_algebra(a in set(), b in set()) {
        let (x, y) = (selection(&a), selection(&b));
        prop_assert_eq!(positions(&x), a.clone());
        prop_assert_eq!(positions(&x.difference(&y).unwrap()), &a - &b);
        prop_assert_eq!(positions(&x.union(&y).unwrap()), &a | &b);
        prop_assert_eq!(positions(&x.complement()), &(0..N).collect() - &a);
        prop_assert_eq!(positions(&x.intersection(&y).unwrap()), &a & &b);
        prop_assert!((0..N + 5).all(|i| x.contains(i) == a.contains(&i)));
        prop_assert_eq!(x.digest() == y.digest(), a == b);
    }

    #[test]
    fn written_and_read_back(a in set()) {
        let x = selection(&a);
        let text = serde_json::to_string(&x).unwrap();
        prop_assert_eq!(serde_json::from_str::<Selection>(&text).unwrap(), x);
    }
}

#[test]
fn the_written_form_is_ranges() {
    let mut positions: Vec<usize> = (20..30).collect();
    positions.extend([3, 17, 5, 4]);
    let text = serde_json::to_string(&Selection::new(100, positions).unwrap()).unwrap();
    assert_eq!(text, r#"{"records":100,"positions":"3-5,17,20-29"}"#);
}

#[test]
fn bad_positions_are_refused() {
    let error = Selection::new(5, vec![0, 5]).unwrap_err();
    assert_eq!(
        error,
        SelectionError::OutOfRange {
            position: 5,
            records: 5
        }
    );
    assert_eq!(
        Selection::new(5, vec![1, 3, 1]),
        Err(SelectionError::Duplicate(1))
    );
    let mismatch = SelectionError::Mismatch {
        found: 6,
        expected: 5,
    };
    assert_eq!(
        Selection::all(5).union(&Selection::none(6)),
        Err(mismatch.clone())
    );
    assert_eq!(
        Selection::all(5).difference(&Selection::none(6)),
        Err(mismatch)
    );
    assert_ne!(Selection::none(5).digest(), Selection::none(6).digest());
}

#[test]
fn hostile_written_selections_are_refused_without_being_expanded() {
    for text in [
        r#"{"records":18446744073709551615,"positions":"0-18446744073709551614"}"#,
        r#"{"records":10,"positions":"0-18446744073709551615"}"#,
        r#"{"records":10,"positions":"3-1"}"#,
        r#"{"records":10,"positions":"-1"}"#,
        r#"{"records":10,"positions":"1,,2"}"#,
        r#"{"records":10,"positions":"10"}"#,
    ] {
        assert!(serde_json::from_str::<Selection>(text).is_err(), "{text}");
    }
}
