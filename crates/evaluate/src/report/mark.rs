//! How files of this program are known again.

/// What every page and picture says of itself among its first bytes: a file without it is somebody
/// else's, and is not replaced.
pub(super) const MARK: &str = "Made by rescind";
