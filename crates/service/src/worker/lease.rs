//! The heart of a worker: while it works on a model, however long, the lease is renewed.

use crate::desk::Desk;
use crate::error::ServiceError;
use crate::queue::{self, LEASE};
use crate::threads::start;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Renews the lease of what it is told the worker holds, until it is dropped.
pub(super) struct Heart(Arc<Mutex<Option<String>>>);

/// How often it looks whether it is still needed.
const BEAT: Duration = Duration::from_millis(500);

impl Heart {
    /// Starts to beat.
    pub fn start(of: &Arc<Desk>, worker: &str) -> Result<Self, ServiceError> {
        let held = Arc::new(Mutex::new(None));
        // It keeps nothing open: where desk and worker have ended, so does it.
        let (weak, desk) = (Arc::downgrade(&held), Arc::downgrade(of));
        let worker = worker.to_owned();
        let beats = move || beat(&desk, &worker, &weak);
        start(of, "desk-heart", beats)?;
        Ok(Self(held))
    }

    /// The worker holds this model from now on.
    pub fn holds(&self, model: Option<&str>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = model.map(str::to_owned);
    }
}

fn beat(desk: &Weak<Desk>, worker: &str, held: &Weak<Mutex<Option<String>>>) {
    let every = Duration::from_secs(LEASE as u64 / 4);
    let mut last = Instant::now();
    loop {
        thread::sleep(BEAT);
        let (Some(held), Some(desk)) = (held.upgrade(), desk.upgrade()) else {
            return;
        };
        if last.elapsed() < every {
            continue;
        }
        last = Instant::now();
        let model = held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(model) = model {
            let worker = worker.to_owned();
            // A lease that is lost is nobody's harm: the run itself lets one in at a time.
            let renewed = desk
                .store
                .write_here(move |db| queue::renew(db, &model, &worker));
            if let Err(error) = renewed {
                desk.tell_of("desk", &error);
            }
        }
    }
}
