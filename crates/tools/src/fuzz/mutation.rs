//! Files altered at random.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Alters files of a corpus, again and again.
pub struct Mutator<'c> {
    corpus: &'c [Vec<u8>],
    random: ChaCha8Rng,
}

/// What parsers trip over: limits of numbers, openings, names and numbers as texts.
const PIECES: [&[u8]; 18] = [
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"-1",
    b"1e999",
    b"NaN",
    b"18446744073709551615",
    b"9223372036854775808",
    b"null",
    b"\"\"",
    b"[[[[[[[[",
    b"{\"a\":",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
    b"-",
    b",",
];

impl<'c> Mutator<'c> {
    pub fn new(corpus: &'c [Vec<u8>], seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { corpus, random }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit.max(1))
    }

    /// The next file.
    pub fn next(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        let mut bytes = self.corpus[at].clone();
        for _ in 0..1 + self.below(6) {
            self.alter(&mut bytes);
        }
        bytes
    }

    fn alter(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let span = self.below(16).min(bytes.len() - at);
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + span)),
            4 => {
                let piece = PIECES[self.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            5 => {
                let piece = PIECES[self.below(PIECES.len())];
                let end = (at + piece.len()).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
            6 => {
                let copied = bytes[at..at + span].to_vec();
                for _ in 0..1 + self.below(20) {
                    bytes.splice(at..at, copied.iter().copied());
                }
            }
            7 => {
                let other = self.below(self.corpus.len());
                let other = &self.corpus[other];
                let from = other.len() * at / bytes.len().max(1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from.min(other.len())..]);
            }
            _ if span > 1 => bytes[at..at + span].reverse(),
            _ => bytes.push(0),
        }
        bytes.truncate(1 << 20);
    }
}
