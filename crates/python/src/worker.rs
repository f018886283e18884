//! A deletion desk's worker whose models compute in Python.

use crate::failure::Raised;
use pyo3::prelude::*;
use rescind::Run;
use rescind_service::{Limits, Notice, OutsideWorker, ServiceError, Settings};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long it sleeps where nothing waits, how long where the database was not to be had, and how long
/// at least between two looks at Python's signals.
const SLEEP: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_secs(1);

/// A worker of a desk. Ctrl-C, and whatever a handler of Python's raises, ends it: every call then raises
/// that.
#[pyclass(frozen, module = "rescind._core")]
pub struct Worker {
    own: Mutex<OutsideWorker>,
    signals: Arc<Signals>,
}

/// What Python's handlers of signals raised, looked for now and then.
#[derive(Default)]
struct Signals(Mutex<(Option<Instant>, Option<PyErr>)>);

impl Signals {
    fn seen(&self) -> MutexGuard<'_, (Option<Instant>, Option<PyErr>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one has raised. On any thread but Python's main one nothing is heard.
    fn raised(&self) -> bool {
        let mut seen = self.seen();
        if seen.1.is_none() && seen.0.is_none_or(|at| at.elapsed() >= SLEEP) {
            seen.0 = Some(Instant::now());
            // Held while waiting for Python, it would keep a thread that has Python waiting for it.
            drop(seen);
            let raised = Python::attach(|py| py.check_signals().err());
            seen = self.seen();
            seen.1 = seen.1.take().or(raised);
        }
        seen.1.is_some()
    }
}

#[pymethods]
impl Worker {
    /// A worker of the desk in a folder for these models. `hears` is told what happens: the notice as
    /// JSON, and as a line.
    #[staticmethod]
    #[pyo3(signature = (desk, database, models, stays, alerts, hears))]
    fn open(
        py: Python<'_>,
        desk: PathBuf,
        database: Option<String>,
        models: Vec<String>,
        stays: bool,
        alerts: Option<String>,
        hears: Py<PyAny>,
    ) -> PyResult<Self> {
        let signals = Arc::new(Signals::default());
        let heard = Arc::clone(&signals);
        let settings = Settings {
            folder: desk,
            database,
            listen: String::new(),
            tls: None,
            serves: false,
            workers: 0,
            runs: Vec::new(),
            models: Vec::new(),
            replaces: false,
            alerts,
            private_callbacks: false,
            limits: Limits::default(),
            hears: Arc::new(move |notice| tell(&hears, notice)),
            ends: Arc::new(move || heard.raised()),
        };
        let opened = py.detach(|| OutsideWorker::open(settings, models, stays));
        Ok(Self {
            own: Mutex::new(opened.map_err(|error| error.raised(py))?),
            signals,
        })
    }

    /// Takes one of its models for which there is something to do, with its run's folder; waits for one
    /// up to so many seconds.
    fn claim(&self, py: Python<'_>, seconds: f64) -> PyResult<Option<(String, PathBuf)>> {
        let until = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 3600.0));
        let claimed = py.detach(|| {
            while !self.signals.raised() {
                let left = until.saturating_duration_since(Instant::now());
                let pause = match self.lock().claim() {
                    // A database that is away for a while comes back.
                    Err(ServiceError::Queue { passing: true, .. }) if !left.is_zero() => PAUSE,
                    Ok(None) if !left.is_zero() => SLEEP,
                    claimed => return claimed,
                };
                thread::sleep(pause.min(left));
            }
            Ok(None)
        });
        let claimed = self.heard(claimed.map_err(|error| error.raised(py)))?;
        Ok(claimed.map(|claimed| (claimed.model, claimed.folder)))
    }

    /// Whether there is something to do with the model it has; where its run is open, waits for a while.
    fn look(&self, py: Python<'_>) -> PyResult<bool> {
        let next = py.detach(|| self.lock().look());
        self.heard(next.map_err(|error| error.raised(py)))
    }

    /// Gives the model back: all went well, or something went wrong.
    #[pyo3(signature = (code, detail))]
    fn give_back(&self, py: Python<'_>, code: Option<String>, detail: &str) -> PyResult<()> {
        let went = match code {
            None => Ok(()),
            Some(code) => Err((code, detail.to_owned())),
        };
        let done = py.detach(|| self.lock().give_back(went));
        done.map_err(|error| error.raised(py))
    }

    /// Has it end: the model it has is given back as it is, and nothing is a trouble any more.
    fn end(&self) {
        self.lock().end();
    }
}

impl Worker {
    fn lock(&self) -> MutexGuard<'_, OutsideWorker> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is next, with the model's run.
    pub fn step(&self, run: &mut Run) -> Result<(), ServiceError> {
        self.lock().step(run)
    }

    /// What a call gave, or what a handler of signals raised meanwhile.
    pub fn heard<T>(&self, given: PyResult<T>) -> PyResult<T> {
        match self.signals.seen().1.take() {
            Some(raised) => Err(raised),
            None => given,
        }
    }
}

fn tell(hears: &Py<PyAny>, notice: &Notice) {
    let Ok(json) = serde_json::to_string(notice) else {
        return;
    };
    Python::attach(|py| {
        // Whoever listens has no say in the work.
        if let Err(raised) = hears.call1(py, (json, notice.to_string())) {
            raised.write_unraisable(py, None);
        }
    });
}
