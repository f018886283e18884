//! Ctrl-C: the first asks running work to stop with its state saved, the second ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Takes over Ctrl-C from now on. Only for work that looks at [`asked`].
pub fn catch() {
    // Without a handler Ctrl-C ends the process at once; the run recovers from that as well.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    });
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
