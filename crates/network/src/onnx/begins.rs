//! How ONNX files begin.

/// Whether a file begins as exporters of ONNX begin it: with a version, and who wrote it.
#[must_use]
pub fn looks_like_onnx(file: &[u8]) -> bool {
    matches!(file.first_chunk(), Some(&[0x08, 1..32, 0x12, _]))
}
