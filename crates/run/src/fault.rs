//! Faults on purpose, for tests: the process dies, or the disk is full, at a chosen step of what a
//! run writes. Without the feature `fault-injection` every step is a plain step.

use std::io;

#[cfg(feature = "fault-injection")]
mod injected {
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);
    static FULL: AtomicBool = AtomicBool::new(false);

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
        if LEFT.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        if FULL.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        std::process::abort();
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
