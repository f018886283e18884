//! Signatures, as anybody can check them.

use ed25519_dalek::{Signature, VerifyingKey};
use rescind_data::Digest;

/// Eight groups of four hexadecimal digits: the first 128 bits of the key's BLAKE3 hash.
#[must_use]
pub fn fingerprint(public_key: &Digest) -> String {
    let hash = blake3::hash(public_key.as_bytes()).to_hex();
    let groups: Vec<String> = hash
        .as_bytes()
        .chunks(4)
        .take(8)
        .map(|g| String::from_utf8_lossy(g).into_owned())
        .collect();
    groups.join("-")
}

/// Whether `signature` (64 bytes) signs `message` under the key. Weak keys and malleable signatures are
/// refused.
#[must_use]
pub fn signs(public_key: &Digest, message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_bytes(public_key.as_bytes());
    match (key, Signature::from_slice(signature)) {
        (Ok(key), Ok(signature)) => key.verify_strict(message, &signature).is_ok(),
        _ => false,
    }
}
