//! What a method cost.

use rescind::{Observer, Progress};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;

/// The cost of one phase of a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseCost {
    /// The phase, as [`rescind::Phase`] writes it.
    pub phase: String,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Units done: curvature products while preparing and solving, minibatches while training,
    /// passes while checking.
    pub steps: u64,
}

/// An observer that times the phases of what it watches and hands everything on to another.
///
/// The time between two reports is put down to the phase of the later one.
pub struct Clock<'a> {
    inner: &'a mut dyn Observer,
    last: Instant,
    done: u64,
    phases: Vec<PhaseCost>,
    current: Option<usize>,
}

impl<'a> Clock<'a> {
    /// Starts now.
    pub fn new(inner: &'a mut dyn Observer) -> Self {
        Clock {
            inner,
            last: Instant::now(),
            done: 0,
            phases: Vec::new(),
            current: None,
        }
    }

    /// The phases in the order in which they were first met.
    pub fn finish(self) -> Vec<PhaseCost> {
        self.phases
    }
}

impl Observer for Clock<'_> {
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        let now = Instant::now();
        let name = progress.phase.to_string();
        let index = match self.phases.iter().position(|cost| cost.phase == name) {
            Some(index) => index,
            None => {
                self.phases.push(PhaseCost {
                    phase: name,
                    seconds: 0.0,
                    steps: 0,
                });
                self.phases.len() - 1
            }
        };
        if self.current != Some(index) || progress.done < self.done {
            self.done = 0;
        }
        self.current = Some(index);
        let cost = &mut self.phases[index];
        cost.seconds += (now - self.last).as_secs_f64();
        cost.steps += progress.done - self.done;
        self.done = progress.done;
        self.last = now;
        self.inner.observe(progress)
    }
}

/// Products with the curvature: those of preparing, of choosing the damping, and of the solve.
pub fn products(phases: &[PhaseCost]) -> u64 {
    let with = |cost: &&PhaseCost| matches!(&*cost.phase, "precondition" | "spectrum" | "solve");
    phases.iter().filter(with).map(|cost| cost.steps).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rescind::Phase;

    #[test]
    fn steps_are_counted_over_interruptions_and_restarts() {
        let mut seen = 0;
        let mut watch = |_: &Progress| {
            seen += 1;
            ControlFlow::Continue(())
        };
        let mut clock = Clock::new(&mut watch);
        let told = [
            (Phase::Precondition, 3),
            (Phase::Precondition, 64),
            (Phase::Solve, 1),
            (Phase::Solve, 7),
            (Phase::Check, 2),
            // A second solve begins at one again.
            (Phase::Solve, 1),
            (Phase::Solve, 2),
            (Phase::Train, 10),
            (Phase::Train, 4),
        ];
        for (phase, done) in told {
            let progress = Progress {
                phase,
                done,
                total: None,
                epoch: None,
                relative_residual: None,
            };
            assert!(clock.observe(&progress).is_continue());
        }
        let phases = clock.finish();
        let steps: Vec<(&str, u64)> = phases.iter().map(|c| (&*c.phase, c.steps)).collect();
        let expected = [
            ("precondition", 64),
            ("solve", 9),
            ("check", 2),
            ("train", 14),
        ];
        assert_eq!(steps, expected);
        assert_eq!((products(&phases), seen), (73, told.len()));
        assert!(phases.iter().all(|cost| cost.seconds >= 0.0));
    }
}
