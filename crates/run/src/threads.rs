//! The threads that computations share. They are made before any is needed: whoever needs them later
//! would panic where the system has none to give.

use crate::Error;
use rayon::{ThreadBuilder, ThreadPoolBuilder};
use rescind_network::NetworkError;
use rescind_unlearn::Error as ModelError;
use std::io;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// Makes the threads that computations share, as many as the system gives up to one for each processor,
/// unless they are there. Opening a run does it; a program that starts other threads may want it done before.
///
/// # Errors
/// Where the system gives none.
pub fn make() -> Result<(), Error> {
    static MADE: Mutex<bool> = Mutex::new(false);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if *made {
        return Ok(());
    }
    let wanted = wanted();
    let mut waiting = Vec::new();
    // A pool that lacks one of its threads cannot be made, nor tried again: so threads come first.
    for _ in 0..wanted {
        let (gives, given) = channel::<ThreadBuilder>();
        let run = move || {
            if let Ok(thread) = given.recv() {
                thread.run();
            }
        };
        match Builder::new().name("compute".to_owned()).spawn(run) {
            Ok(_) => waiting.push(gives),
            Err(error) if waiting.is_empty() => {
                let threads = NetworkError::Threads {
                    threads: wanted,
                    reason: error.to_string(),
                };
                return Err(ModelError::from(threads).into());
            }
            Err(_) => break,
        }
    }
    let pool = ThreadPoolBuilder::new().num_threads(waiting.len());
    let pool = pool.spawn_handler(|thread| {
        let gives = waiting.pop().ok_or(io::ErrorKind::WouldBlock)?;
        gives.send(thread).map_err(|_| io::ErrorKind::Other.into())
    });
    // Refused where the program has made them itself.
    let _ = pool.build_global();
    *made = true;
    Ok(())
}

/// As many as there are processors, unless the environment says otherwise, as the pool itself has it.
fn wanted() -> usize {
    let said = std::env::var("RAYON_NUM_THREADS").ok();
    let said = said.and_then(|said| said.parse().ok());
    said.filter(|&threads| threads > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

/// Has a test run in a process of its own that is given no thread: stacks so large are refused. The
/// test's whole name is given.
#[cfg(test)]
pub(crate) fn without(test: &str, work: impl FnOnce()) {
    const ALONE: &str = "RESCIND_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        assert!(Builder::new().spawn(|| ()).is_err());
        return work();
    }
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
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

#[cfg(test)]
mod tests {
    use super::{make, without};
    use crate::Code;

    #[test]
    fn no_thread_to_compute_on_is_an_error_and_no_panic() {
        without(
            "threads::tests::no_thread_to_compute_on_is_an_error_and_no_panic",
            || {
                for _ in 0..2 {
                    assert_eq!(make().unwrap_err().code(), Code::Io);
                }
            },
        );
    }
}
