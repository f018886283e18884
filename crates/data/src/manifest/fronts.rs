//! Where records are whose digests begin alike.

use crate::digest::Digest;
use std::sync::OnceLock;

/// The positions of all records in the order of the first two bytes of their digests, made when they are
/// first needed: whoever looks for a few records need not go through all.
#[derive(Clone, Debug, Default)]
pub(super) struct Fronts(OnceLock<Places>);

#[derive(Clone, Debug)]
struct Places {
    /// Where those with each front begin among the positions, and where the last end.
    begins: Vec<usize>,
    positions: Vec<usize>,
}

/// How many fronts there are.
const FRONTS: usize = 1 << 16;

impl Fronts {
    /// The positions of the records whose digest begins as this one, ascending.
    pub fn like(&self, digest: &Digest, records: &[Digest]) -> &[usize] {
        let Places { begins, positions } = self.0.get_or_init(|| Places::of(records));
        let front = front(digest);
        &positions[begins[front]..begins[front + 1]]
    }
}

impl Places {
    fn of(records: &[Digest]) -> Self {
        let mut begins = vec![0; FRONTS + 1];
        for record in records {
            begins[front(record) + 1] += 1;
        }
        for at in 0..FRONTS {
            begins[at + 1] += begins[at];
        }
        let mut next = begins.clone();
        let mut positions = vec![0; records.len()];
        for (position, record) in records.iter().enumerate() {
            let place = &mut next[front(record)];
            positions[*place] = position;
            *place += 1;
        }
        Self { begins, positions }
    }
}

/// What is made of a manifest is no part of it.
impl PartialEq for Fronts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn front(digest: &Digest) -> usize {
    let [first, second, ..] = *digest.as_bytes();
    usize::from(u16::from_le_bytes([first, second]))
}
