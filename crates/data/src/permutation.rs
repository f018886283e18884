//! Seeded permutations that are the same on every platform and in every release.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Shuffles in place (Fisher–Yates, from the end) with the ChaCha8 stream whose 32-byte key is
/// `seed` and `counter` as little-endian u64, then the 16 bytes of `purpose`.
///
/// The shuffle is spelled out here because the order is part of a run's identity: a resumed run
/// must see the same batches, and library shuffles may change from version to version.
pub(crate) fn shuffle<T>(items: &mut [T], purpose: &[u8; 16], seed: u64, counter: u64) {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&counter.to_le_bytes());
    key[16..].copy_from_slice(purpose);
    let mut rng = ChaCha8Rng::from_seed(key);
    for last in (1..items.len()).rev() {
        items.swap(last, below(&mut rng, last as u64 + 1) as usize);
    }
}

/// A uniform integer in `0..bound`: draws beyond the last whole multiple of `bound` are rejected.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let draw = rng.next_u64();
        if draw < limit {
            return draw % bound;
        }
    }
}
