//! How to fine-tune with noise.

use clap::Args;
use rescind::methods::noisy::FinetuneSettings;

/// What is left out is chosen from the promise, and said in the answer.
#[derive(Args)]
#[command(next_help_heading = "Noisy fine-tuning and output perturbation")]
pub struct FinetuneOptions {
    /// Noisy steps [default: 20; none with output-perturbation]
    #[arg(long, value_name = "COUNT")]
    steps: Option<u64>,

    /// Draw the weights to within this distance of the centre first [default: with --epsilon, so
    /// that all noise together is 2.5 times as long as freshly initialised weights; with --sigma,
    /// the ball's radius]
    #[arg(long, value_name = "RADIUS")]
    start_radius: Option<f64>,

    /// Size of a noisy step [default: so that all together can lead as far as the start radius]
    #[arg(long, value_name = "SIZE")]
    step_size: Option<f64>,

    /// Norm to which the gradient of a noisy step is clipped [default: 1]
    #[arg(long, value_name = "NORM")]
    clip: Option<f64>,

    /// Pull towards the centre in a noisy step; times the step size, below 1 [default: 0]
    #[arg(long, value_name = "NUMBER")]
    decay: Option<f64>,

    /// Records in the minibatch of a noisy step [default: as in training]
    #[arg(long, value_name = "RECORDS")]
    step_batch: Option<usize>,

    /// Epochs of training on the records that stay after the noise, which cost no epsilon; 0 for
    /// none [default: a third of those of training]
    #[arg(long, value_name = "EPOCHS")]
    recovery_epochs: Option<u64>,
}

impl FinetuneOptions {
    pub fn settings(&self, seed: u64) -> FinetuneSettings {
        FinetuneSettings {
            noisy_steps: self.steps,
            start_radius: self.start_radius,
            step_size: self.step_size,
            clip_norm: self.clip,
            weight_decay: self.decay,
            minibatch: self.step_batch,
            recovery_epochs: self.recovery_epochs,
            seed,
        }
    }

    /// Whether an option about noisy steps was given.
    pub fn names_steps(&self) -> bool {
        self.steps.is_some()
            || self.step_size.is_some()
            || self.clip.is_some()
            || self.decay.is_some()
            || self.step_batch.is_some()
    }

    /// Whether any option was given.
    pub fn is_given(&self) -> bool {
        self.names_steps() || self.start_radius.is_some() || self.recovery_epochs.is_some()
    }
}
