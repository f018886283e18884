//! Record positions as people write them: `3,17,20-29`.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Positions as ascending ranges with gaps between them, both ends included.
///
/// Ranges are kept as ranges, so that `0-18446744073709551615` costs nothing to read and can be
/// refused before anything is expanded, and so that most of many positions are few ranges. Whatever
/// is done with two sets takes as long as they have ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PositionRanges(Vec<(usize, usize)>);

/// A text that is not a list of positions.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{found}` is not a position or range: expected 0-based positions such as `3,17,20-29`")]
pub struct RangesError {
    /// The part that cannot be read.
    pub found: String,
}

impl PositionRanges {
    /// The ranges that hold exactly these ascending positions.
    pub(crate) fn of_sorted(positions: &[usize]) -> Self {
        Self(merge(
            positions.iter().map(|&position| (position, position)),
        ))
    }

    /// Every position below this.
    pub(crate) fn below(end: usize) -> Self {
        Self(
            end.checked_sub(1)
                .map(|last| (0, last))
                .into_iter()
                .collect(),
        )
    }

    /// Whether there is no position.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges: first and last position of each.
    pub(crate) fn ranges(&self) -> &[(usize, usize)] {
        &self.0
    }

    /// The positions that are not in `other`.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len() + other.0.len());
        let mut gaps = other.0.iter().peekable();
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            while let Some(&&(start, end)) = gaps.peek()
                && start <= last
            {
                if let Some(from) = from
                    && from < start
                {
                    left.push((from, start - 1));
                }
                // One that ends before this range takes nothing from it.
                from = from.max(end.checked_add(1)).filter(|_| end < usize::MAX);
                if end > last {
                    break;
                }
                gaps.next();
            }
            left.extend(from.filter(|&from| from <= last).map(|from| (from, last)));
        }
        Self(left)
    }

    /// The positions that are in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let (mut both, mut at) = (Vec::new(), 0);
        for &(first, last) in &self.0 {
            at += other.0[at..].partition_point(|&(_, end)| end < first);
            let shared = other.0[at..].iter().take_while(|(start, _)| *start <= last);
            both.extend(shared.map(|&(start, end)| (start.max(first), end.min(last))));
        }
        Self(both)
    }

    /// The positions that are in either.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = [self.ranges(), other.ranges()].concat();
        // Two ascending runs: merged.
        all.sort();
        Self(merge(all.into_iter()))
    }

    /// The greatest position; 0 if there is none.
    pub fn last(&self) -> usize {
        self.0.last().map_or(0, |&(_, last)| last)
    }

    /// Whether a position is among them.
    pub fn contains(&self, position: usize) -> bool {
        let after = self.0.partition_point(|&(first, _)| first <= position);
        after > 0 && self.0[after - 1].1 >= position
    }

    /// How many positions there are; the greatest number there is if they are more.
    pub fn count(&self) -> usize {
        let counts = self
            .0
            .iter()
            .map(|(first, last)| (last - first).saturating_add(1));
        counts.fold(0, usize::saturating_add)
    }

    /// The positions, ascending, each once.
    pub fn positions(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|&(first, last)| first..=last)
    }
}

fn merge(sorted: impl Iterator<Item = (usize, usize)>) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (first, last) in sorted {
        match ranges.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => ranges.push((first, last)),
        }
    }
    ranges
}

impl FromStr for PositionRanges {
    type Err = RangesError;

    /// Reads positions and ranges in any order; those named twice count once.
    fn from_str(text: &str) -> Result<Self, RangesError> {
        let mut ranges = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
                (Ok(first), Ok(last)) if first <= last => ranges.push((first, last)),
                _ => {
                    return Err(RangesError {
                        found: part.to_owned(),
                    });
                }
            }
        }
        ranges.sort_unstable();
        Ok(Self(merge(ranges.into_iter())))
    }
}

impl fmt::Display for PositionRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (first, last)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}
