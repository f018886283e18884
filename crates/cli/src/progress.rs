//! Showing running work, and stopping it when asked.

use crate::console::Console;
use crate::interrupt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rescind::{Observer, Phase, Progress};
use std::ops::ControlFlow;

/// A bar on standard error for the phase at hand; Ctrl-C stops the work with its state saved.
pub struct Watch {
    bar: ProgressBar,
    phase: Option<Phase>,
    /// Epochs after which to stop, and how many there are in all.
    pause: Option<(f64, u64)>,
}

impl Watch {
    pub fn new(console: &Console) -> Self {
        interrupt::catch();
        let bar = match console.shows_progress() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            false => ProgressBar::hidden(),
        };
        Self {
            bar,
            phase: None,
            pause: None,
        }
    }

    /// Stops training once so many of all its epochs are done.
    pub fn pausing(mut self, after: Option<f64>, epochs: u64) -> Self {
        self.pause = after.map(|after| (after, epochs));
        self
    }

    /// A line above the bar.
    pub fn note(&self, text: &str) {
        self.bar.println(text);
    }

    fn begin(&mut self, phase: Phase, total: Option<u64>) {
        self.phase = Some(phase);
        self.bar.reset();
        let template = match total {
            Some(_) => "{prefix:12} {wide_bar} {pos}/{len}  {msg}  {eta}",
            None => "{prefix:12} {spinner} {pos}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_prefix(phase.to_string());
        self.bar.set_message("");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Watch {
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        if self.phase != Some(progress.phase) {
            self.begin(progress.phase, progress.total);
        }
        if let Some(total) = progress.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(progress.done);
        if let Some(epoch) = &progress.epoch {
            let (loss, right, norm) = (
                epoch.loss,
                100.0 * epoch.accuracy.unwrap_or(f64::NAN),
                epoch.norm,
            );
            self.bar.set_message(format!(
                "loss {loss:.4}  accuracy {right:.1} %  norm {norm:.2}"
            ));
        }
        if let Some(residual) = progress.relative_residual {
            self.bar.set_message(format!("residual {residual:.2e}"));
        }
        let paused = match (self.pause, progress.total, progress.phase) {
            (Some((pause, epochs)), Some(total), Phase::Train) => {
                let steps = (pause * total as f64 / epochs as f64).round() as u64;
                // A whole number of epochs is over once the last one has been reported.
                let within = !steps.is_multiple_of((total / epochs.max(1)).max(1));
                progress.done >= steps && (within || progress.epoch.is_some())
            }
            _ => false,
        };
        match paused || interrupt::asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
