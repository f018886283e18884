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

/// Whether `signature` (in hexadecimal) signs `message` under the key. Weak keys and malleable
/// signatures are refused.
#[must_use]
pub fn signs(public_key: &Digest, message: &[u8], signature: &str) -> bool {
    let bytes: Option<Vec<u8>> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok())
        .collect();
    let key = VerifyingKey::from_bytes(public_key.as_bytes());
    let signature = bytes.and_then(|bytes| Signature::from_slice(&bytes).ok());
    match (key, signature) {
        (Ok(key), Some(signature)) => key.verify_strict(message, &signature).is_ok(),
        _ => false,
    }
}
