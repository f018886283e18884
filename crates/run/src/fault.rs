//! Faults on purpose, for tests: the process dies or stands still, or the disk is full, at a chosen
//! step of what a run writes. Without the feature `fault-injection` every step is a plain step.

use std::io;

#[cfg(feature = "fault-injection")]
mod injected {
    use std::io::{self, Read};
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);
    static FULL: AtomicBool = AtomicBool::new(false);

    /// The step at which a process of its own stands still: it says so on standard error and goes on
    /// when its standard input ends.
    static HELD: AtomicI64 = AtomicI64::new(i64::MAX);
    /// The environment variable that chooses it.
    const HOLD: &str = "RESCIND_TEST_HOLD";

    /// What happens at the chosen step.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        /// The process dies at once, as by `kill -9`.
        Die,
        /// That step and all later ones fail as on a full disk.
        DiskFull,
    }

    /// Lets `steps` steps pass in this process, then has `fault` happen.
    pub fn after(steps: u32, fault: Fault) {
        FULL.store(fault == Fault::DiskFull, Ordering::SeqCst);
        LEFT.store(i64::from(steps), Ordering::SeqCst);
    }

    /// No fault from now on. Returns whether the fault chosen before has happened.
    pub fn clear() -> bool {
        LEFT.swap(i64::MAX, Ordering::SeqCst) < 0
    }

    pub(crate) fn point() -> io::Result<()> {
        hold();
        if LEFT.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        if FULL.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        std::process::abort();
    }

    fn hold() {
        static READ: Once = Once::new();
        READ.call_once(|| {
            let steps = std::env::var(HOLD).ok().and_then(|text| text.parse().ok());
            HELD.store(steps.unwrap_or(i64::MAX), Ordering::SeqCst);
        });
        if HELD.fetch_sub(1, Ordering::SeqCst) == 0 {
            eprintln!("held");
            // Whatever ends the input lets the process go on.
            let _ = io::stdin().read_to_end(&mut Vec::new());
        }
    }
}

#[cfg(feature = "fault-injection")]
pub use injected::{Fault, after, clear};

/// A step of what a run writes: between any two of them the process may die.
pub(crate) fn point() -> io::Result<()> {
    #[cfg(feature = "fault-injection")]
    injected::point()?;
    Ok(())
}
