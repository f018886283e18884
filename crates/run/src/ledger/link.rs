//! What makes a chain of entries.

use rescind_data::Digest;

/// What the first entry follows.
pub(super) fn first_head() -> Digest {
    Digest::from([0; 32])
}

/// BLAKE3 in key-derivation mode, context `rescind 2026 ledger entry v1`, over the sequence number,
/// the length and bytes of kind and body (numbers as little-endian u64), and the previous digest.
pub(super) fn entry_digest(sequence: u64, kind: &str, body: &str, previous: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("rescind 2026 ledger entry v1");
    hasher.update(&sequence.to_le_bytes());
    for text in [kind, body] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(previous.as_bytes());
    Digest::from(*hasher.finalize().as_bytes())
}
