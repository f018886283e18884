//! Watching long computations and stopping them.

use std::ops::ControlFlow;

/// Where a computation stands, after each of its iterations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Iterations done, from 1.
    pub iteration: u64,
    /// Products taken so far, sampled ones included.
    pub products: u64,
    /// The running estimate of `‖g − (H + λI)x‖ / ‖g‖`; none where nothing is being solved.
    pub relative_residual: Option<f64>,
}

/// The caller's hand on a running computation: told of every iteration, it says whether to go on.
///
/// [`Control::default`] watches nothing and never stops.
#[derive(Default)]
pub struct Control<'a> {
    observer: Option<&'a mut dyn FnMut(Progress) -> ControlFlow<()>>,
}

impl<'a> Control<'a> {
    /// Calls `observer` after every iteration; the computation stops when it breaks.
    pub fn new(observer: &'a mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self {
            observer: Some(observer),
        }
    }

    pub(crate) fn report(&mut self, progress: Progress) -> ControlFlow<()> {
        self.observer
            .as_mut()
            .map_or(ControlFlow::Continue(()), |observe| observe(progress))
    }
}
