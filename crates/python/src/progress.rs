//! Watching work from Python, and stopping it.

use pyo3::prelude::*;
use rescind::{Observer, Progress};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Hands progress to a Python callable, listens for Ctrl-C, and keeps whatever either raised.
pub struct Watch {
    callable: Option<Py<PyAny>>,
    next: Instant,
    pub raised: Option<PyErr>,
}

/// How long at least between two looks at Python.
const PAUSE: Duration = Duration::from_millis(50);

impl Watch {
    pub fn new(callable: Option<Py<PyAny>>) -> Self {
        Self {
            callable,
            next: Instant::now(),
            raised: None,
        }
    }

    fn look(&self, progress: &Progress) -> PyResult<()> {
        Python::attach(|py| {
            py.check_signals()?;
            if let Some(callable) = &self.callable {
                let phase = progress.phase.to_string();
                callable.call1(py, (phase, progress.done, progress.total))?;
            }
            Ok(())
        })
    }
}

impl Observer for Watch {
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        if self.raised.is_some() {
            return ControlFlow::Break(());
        }
        let last = progress.total == Some(progress.done);
        let now = Instant::now();
        if now < self.next && !last {
            return ControlFlow::Continue(());
        }
        self.next = now + PAUSE;
        match self.look(progress) {
            Ok(()) => ControlFlow::Continue(()),
            Err(raised) => {
                self.raised = Some(raised);
                ControlFlow::Break(())
            }
        }
    }
}
