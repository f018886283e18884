//! The desk's threads. One that ends by a fault of the program ends the desk: whoever supervises it starts
//! it again, and it goes on where it was. A desk that took calls and did nothing would be worse.

use crate::desk::Desk;
use crate::error::ServiceError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, RwLock};
use std::thread::{Builder, JoinHandle, Scope, scope};

/// Starts a thread that works until the desk ends. It keeps the desk open only if `work` does.
pub(crate) fn start(
    desk: &Arc<Desk>,
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, ServiceError> {
    let desk = Arc::downgrade(desk);
    let started = Builder::new().name(name.to_owned()).spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(work));
        if let (Err(_), Some(desk)) = (done, desk.upgrade()) {
            desk.breaks(name);
        }
    });
    started.map_err(|error| ServiceError::no_thread(&error))
}

/// Has this done beside the caller, or by the caller where the system has no thread to give.
pub(crate) fn beside<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl Fn() + Clone + Send + 'scope,
) {
    let here = work.clone();
    if Builder::new().spawn_scoped(scope, work).is_err() {
        here();
    }
}

/// Whether the system gives so many threads at once: they end before it returns.
pub(crate) fn expect_threads(count: usize) -> std::io::Result<()> {
    let ended = RwLock::new(());
    scope(|scope| {
        let _held = ended.write();
        for _ in 0..count {
            Builder::new().spawn_scoped(scope, || drop(ended.read()))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{beside, expect_threads};
    use std::process::Command;
    use std::sync::Mutex;
    use std::thread::{Builder, current, scope};

    const ALONE: &str = "RESCIND_TEST_ALONE";

    /// In a process of its own that is given no thread: stacks so large are refused.
    #[test]
    fn what_no_thread_does_the_caller_does() {
        if std::env::var_os(ALONE).is_some() {
            assert!(Builder::new().spawn(|| ()).is_err());
            assert!(expect_threads(1).is_err());
            let done = Mutex::new(Vec::new());
            scope(|scope| {
                for at in 0..3 {
                    let done = &done;
                    beside(scope, move || {
                        done.lock().unwrap().push((at, current().id()))
                    });
                }
            });
            let here = current().id();
            assert_eq!(*done.lock().unwrap(), [(0, here), (1, here), (2, here)]);
            return;
        }
        expect_threads(3).unwrap();
        let test = "threads::tests::what_no_thread_does_the_caller_does";
        let alone = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads", "1"])
            .env(ALONE, "1")
            .env("RUST_MIN_STACK", (1_u64 << 50).to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(
            alone.status.success() && said.contains("1 passed"),
            "{said}"
        );
    }
}
