//! One loader a file. Each reads what a file really holds before it allocates for what a header
//! claims, and refuses anything but exactly the format.

pub(crate) mod arrays;
pub(crate) mod cifar;
mod classes;
pub(crate) mod digits;
mod file;
mod idx;
pub(crate) mod images;
mod jpeg;
mod mat5;
pub(crate) mod mnist;
mod picture;
pub(crate) mod svhn;
pub(crate) mod table;
mod unpack;

/// The class names of every dataset of digits.
fn digit_names() -> Vec<String> {
    (0..10).map(|digit| digit.to_string()).collect()
}

/// Pictures of 8-bit values scaled to \[0, 1\].
fn unit_interval(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()
}
