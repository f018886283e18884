//! How to download, and how far a download is.

use std::time::Duration;

/// How to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Where to take the files from instead of the published place: a folder's URL.
    pub base_url: Option<String>,
    /// How often to try in all, each time going on where the last try broke off; at least once.
    pub attempts: u32,
    /// How long to wait between two tries.
    pub pause: Duration,
    /// How long the server may keep silent before a try is given up.
    pub timeout: Duration,
}

impl Default for FetchOptions {
    /// The published place, 5 tries 2 seconds apart, 30 seconds of silence.
    fn default() -> Self {
        Self {
            base_url: None,
            attempts: 5,
            pause: Duration::from_secs(2),
            timeout: Duration::from_secs(30),
        }
    }
}

/// How far one file's download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes on disk so far.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}
