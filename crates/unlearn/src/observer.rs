//! Watching long work, and stopping it.

use crate::epoch::EpochReport;
use crate::error::Error;
use crate::phase::Phase;
use serde::Serialize;
use std::ops::ControlFlow;

/// Where the work stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done; the unit is the phase's.
    pub done: u64,
    /// How much there will be, where that is known (for a solve: at most).
    pub total: Option<u64>,
    /// After an epoch of training: what it gave.
    pub epoch: Option<EpochReport>,
    /// During a solve: the running estimate of the relative residual.
    pub relative_residual: Option<f64>,
}

impl Progress {
    /// Progress with nothing but counts.
    pub fn counted(phase: Phase, done: u64, total: Option<u64>) -> Self {
        Progress {
            phase,
            done,
            total,
            epoch: None,
            relative_residual: None,
        }
    }
}

/// The caller's eye and hand on running work: told where it stands, it says whether to go on.
///
/// When it breaks, and goes on breaking, the work ends in [`Error::Interrupted`] with everything on disk consistent, and
/// the same call later finishes the job. `()` watches nothing; any closure of the right type will
/// do.
pub trait Observer {
    /// Called often: after every minibatch and every product.
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()>;
}

impl Observer for () {
    fn observe(&mut self, _: &Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(&Progress) -> ControlFlow<()>> Observer for F {
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        self(progress)
    }
}

/// Reports counts and turns a break into an error.
pub fn report(
    observer: &mut dyn Observer,
    phase: Phase,
    done: u64,
    total: Option<u64>,
) -> Result<(), Error> {
    match observer.observe(&Progress::counted(phase, done, total)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Interrupted { phase }),
    }
}

/// Tells an observer how many records have been read, and stops the reading where it breaks.
pub fn loading(observer: &mut dyn Observer) -> impl FnMut(u64) -> ControlFlow<()> + '_ {
    |records| observer.observe(&Progress::counted(Phase::Load, records, None))
}

/// Hands a solver's progress on to an observer.
pub fn relay<'a>(
    observer: &'a mut dyn Observer,
    phase: Phase,
    total: Option<u64>,
) -> impl FnMut(rescind_curvature::Progress) -> ControlFlow<()> + 'a {
    move |step| {
        let counted = Progress::counted(phase, step.products, total);
        observer.observe(&Progress {
            relative_residual: step.relative_residual,
            ..counted
        })
    }
}
