//! A commitment to a set of records that does not reveal them.

use crate::digest::Digest;

/// Commits to a set of records by their hashes, in any order.
///
/// BLAKE3 keyed with `salt`, over the text `rescind-data 2026 commitment v1`, the number of hashes
/// as little-endian u64, and the hashes in ascending order (a hash given twice counts twice).
/// To check a commitment, recompute it from the salt and the hashes and compare.
///
/// *Binding*: another set with the same commitment would be a BLAKE3 collision. *Hiding*: the salt
/// is a 256-bit key, so without it not even someone who can guess every record learns anything but
/// the commitment itself. That holds only if the salt comes from the operating system's generator,
/// is used for one commitment, and is kept as secret as the records.
pub fn commitment(records: &[Digest], salt: &[u8; 32]) -> Digest {
    let mut sorted = records.to_vec();
    sorted.sort_unstable();
    let mut hasher = blake3::Hasher::new_keyed(salt);
    hasher.update(b"rescind-data 2026 commitment v1");
    hasher.update(&(sorted.len() as u64).to_le_bytes());
    for record in &sorted {
        hasher.update(record.as_bytes());
    }
    Digest::finalize(&hasher)
}
