//! Ctrl-C: the first asks running work to stop with its state saved, the second ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Takes over Ctrl-C from now on. Only for work that looks at [`asked`].
pub fn catch() {
    // Without a handler Ctrl-C ends the process at once; the run recovers from that as well.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) || AT_ONCE.load(Ordering::Relaxed) {
            process::exit(130);
        }
    });
}

/// Does what cannot look at [`asked`] and has nothing to save: Ctrl-C ends the process meanwhile.
pub fn at_once<T>(work: impl FnOnce() -> T) -> T {
    AT_ONCE.store(true, Ordering::Relaxed);
    let done = work();
    AT_ONCE.store(false, Ordering::Relaxed);
    done
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
