//! Panics of libraries that are answered as errors.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    static ANSWERED: Cell<bool> = const { Cell::new(false) };
}

/// Has nothing printed of panics that come back as errors of this library (damaged Parquet files make
/// their reader panic); all others go to the hook there was. For a program, before it starts threads: a
/// hook belongs to the whole process, so that no library sets one by itself.
pub fn silence_answered_panics() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        if !ANSWERED.get() {
            before(info);
        }
    }));
}

/// What `work` gives, or what it said when it panicked.
pub(crate) fn answered<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = ANSWERED.replace(true);
    // What is half done is not looked at again: an error ends the reading.
    let done = catch_unwind(AssertUnwindSafe(work));
    ANSWERED.set(outer);
    done.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        said.unwrap_or("its reader failed").to_owned()
    })
}
