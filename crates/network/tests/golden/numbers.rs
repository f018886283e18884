//! The numbers that stand for weights and records, as `make_golden.py` computes them.

use rescind_network::Scalar;

pub const WEIGHTS: u64 = 1;
pub const STATISTICS: u64 = 2;
pub const INPUTS: u64 = 3;
pub const LABELS: u64 = 4;
pub const TARGETS: u64 = 5;
pub const DIRECTION: u64 = 6;
pub const CENTRE: u64 = 7;
pub const PROBE: u64 = 8;
pub const SAMPLE: u64 = 9;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// splitmix64's output function at a position of a stream.
pub fn bits(stream: u64, position: usize) -> u64 {
    let start = mix(stream.wrapping_mul(GOLDEN));
    mix(start.wrapping_add((position as u64 + 1).wrapping_mul(GOLDEN)))
}

/// In [-1, 1), a multiple of 2⁻⁵².
pub fn number(stream: u64, position: usize) -> f64 {
    (bits(stream, position) >> 11) as f64 * 2f64.powi(-52) - 1.0
}

pub fn numbers<T: Scalar>(stream: u64, count: usize) -> Vec<T> {
    (0..count).map(|i| T::of(number(stream, i))).collect()
}
