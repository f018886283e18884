//! What every batch holds.

/// Bytes of a picture.
pub(super) const PIXELS: usize = 3 * 32 * 32;

/// One label and [`PIXELS`] bytes a record.
#[derive(Default)]
pub(super) struct Batch {
    pub labels: Vec<u32>,
    pub pixels: Vec<u8>,
}
