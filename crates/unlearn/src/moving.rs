//! Which parameters training moves.

use std::ops::Range;

/// Where the parameters are that training moves: these alone depend on records, and are noised. All
/// others stay at the ball's centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving(Vec<Range<usize>>);

impl Moving {
    /// Of tensors one after another: how many numbers each has, and whether it is frozen.
    pub(crate) fn of_tensors(tensors: impl Iterator<Item = (usize, bool)>) -> Self {
        let mut moving: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        for (len, frozen) in tensors {
            let range = start..start + len;
            start = range.end;
            match moving.last_mut() {
                _ if frozen => {}
                Some(last) if last.end == range.start => last.end = range.end,
                _ => moving.push(range),
            }
        }
        Self(moving)
    }

    /// The places, ascending.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.0.iter().cloned().flatten()
    }

    /// The values there.
    #[must_use]
    pub fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let parts = self.0.iter().filter_map(|range| values.get(range.clone()));
        parts.flatten().copied().collect()
    }

    /// The places of so many parameters that are not among them.
    pub fn others(&self, parameters: usize) -> impl Iterator<Item = usize> {
        let mut moves = vec![false; parameters];
        for place in self.places() {
            if let Some(moves) = moves.get_mut(place) {
                *moves = true;
            }
        }
        (0..parameters).filter(move |&place| !moves[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_side_by_side_are_one_range() {
        let tensors = [
            (2, true),
            (3, false),
            (1, false),
            (0, true),
            (2, false),
            (4, true),
        ];
        let moving = Moving::of_tensors(tensors.into_iter());
        assert_eq!(moving.0.len(), 1);
        assert_eq!(moving.places().collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        assert_eq!(moving.others(12).collect::<Vec<_>>(), [0, 1, 8, 9, 10, 11]);
        let values: Vec<i32> = (0..12).collect();
        assert_eq!(moving.of(&values), [2, 3, 4, 5, 6, 7]);
    }
}
