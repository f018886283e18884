//! Ctrl-C: the first asks running work to stop with its state saved, the second ends the process.

use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static AT_ONCE: AtomicBool = AtomicBool::new(false);
/// Where the process is another program's, which listens to Ctrl-C itself.
static ELSEWHERE: OnceLock<fn() -> bool> = OnceLock::new();

/// Leaves Ctrl-C to the program that the process is: `heard` says whether it was pressed. Taken over,
/// that program would never hear of it again, and the second would end it from another thread.
pub fn leave_to(heard: fn() -> bool) {
    let _ = ELSEWHERE.set(heard);
    ASKED.store(false, Ordering::Relaxed);
}

/// Takes over Ctrl-C from now on. Only for work that looks at [`asked`].
pub fn catch() {
    if ELSEWHERE.get().is_some() {
        return;
    }
    // Without a handler Ctrl-C ends the process at once; the run recovers from that as well.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) || AT_ONCE.load(Ordering::Relaxed) {
            process::exit(130);
        }
        eprintln!("Stopping: what was done is kept. Ctrl-C again ends it at once.");
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
    if ELSEWHERE.get().is_some_and(|heard| heard()) {
        ASKED.store(true, Ordering::Relaxed);
    }
    ASKED.load(Ordering::Relaxed)
}
