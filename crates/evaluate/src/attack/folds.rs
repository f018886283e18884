//! Who is compared with whom, and who is fitted on whom.

use rescind_data::{Selection, epoch_order};

/// Pairs of places: a forgotten record and an unseen one of the same class, every record in at most
/// one pair, drawn by `seed`; at most `most` pairs.
pub(super) fn pairs(
    forgotten: &[u32],
    unseen: &[u32],
    most: usize,
    seed: u64,
) -> Vec<(usize, usize)> {
    let classes = forgotten
        .iter()
        .chain(unseen)
        .max()
        .map_or(0, |&class| class as usize + 1);
    let mut waiting = vec![Vec::new(); classes];
    for place in shuffled(unseen.len(), seed, 1) {
        waiting[unseen[place] as usize].push(place);
    }
    let drawn = shuffled(forgotten.len(), seed, 0).into_iter();
    drawn
        .filter_map(|place| Some((place, waiting[forgotten[place] as usize].pop()?)))
        .take(most)
        .collect()
}

/// The fold of each pair: every fold has as many as any other, give or take one.
///
/// Both records of a pair share a fold. Were members and others dealt out separately, a class with
/// more members than others in one fold would have fewer in the rest, an attacker would learn the
/// contrary of what holds for the records it is scored on, and guessing would come out below 0.5.
pub(super) fn folds(pairs: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut of = vec![0; pairs];
    for (index, place) in shuffled(pairs, seed, 2).into_iter().enumerate() {
        of[place] = index % folds;
    }
    of
}

fn shuffled(count: usize, seed: u64, stream: u64) -> Vec<usize> {
    epoch_order(&Selection::all(count), seed, stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn pairs_are_of_one_class_and_nobody_is_in_two() {
        let forgotten = [0, 0, 0, 1, 1, 2, 3];
        let unseen = [1, 0, 0, 2, 2, 2, 1, 1];
        let made = pairs(&forgotten, &unseen, 100, 7);
        // Of class 0 two are unseen, of class 3 none.
        let mut classes: Vec<u32> = made.iter().map(|pair| forgotten[pair.0]).collect();
        classes.sort_unstable();
        assert_eq!(classes, [0, 0, 1, 1, 2]);
        assert!(made.iter().all(|pair| forgotten[pair.0] == unseen[pair.1]));
        let distinct = |places: Vec<usize>| BTreeSet::from_iter(places).len();
        assert_eq!(distinct(made.iter().map(|pair| pair.0).collect()), 5);
        assert_eq!(distinct(made.iter().map(|pair| pair.1).collect()), 5);
        assert_eq!(pairs(&forgotten, &unseen, 3, 7), made[..3]);
    }

    #[test]
    fn folds_are_even() {
        let of = folds(13, 5, 3);
        let mut sizes = [0; 5];
        of.iter().for_each(|&fold| sizes[fold] += 1);
        sizes.sort_unstable();
        assert_eq!(sizes, [2, 2, 3, 3, 3]);
    }
}
