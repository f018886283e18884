//! How to train.

use super::model::{BallOptions, ConvexOptions, DataOptions, ModelOptions};
use crate::exit::Failure;
use clap::{Args, ValueEnum};
use rescind::RunConfig;
use rescind::training::{Optimiser, Schedule, TrainingSettings};
use std::str::FromStr;

#[derive(Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingOptions {
    /// Most passes over the records
    #[arg(long, default_value_t = TrainingSettings::default().epochs)]
    epochs: u64,

    /// Records in a minibatch
    #[arg(long, value_name = "RECORDS", default_value_t = TrainingSettings::default().batch)]
    batch: usize,

    /// Optimizer: adam, or sgd (gradient descent with momentum)
    #[arg(long, value_name = "NAME", alias = "optimiser", default_value = "adam")]
    optimizer: OptimiserName,

    /// Learning rate [default: 0.001 for adam, 0.01 for sgd]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,

    /// Momentum of sgd
    #[arg(long, default_value_t = 0.9)]
    momentum: f64,

    /// Learning rate over time: constant, steps:EPOCHS:FACTOR (times FACTOR after every EPOCHS),
    /// cosine or cosine:WARMUP (rising over WARMUP epochs, then falling to 0)
    #[arg(long, default_value = "constant", value_parser = parse_schedule)]
    schedule: Schedule,

    /// Strength of the L2 penalty (half of this times the squared distance from the centre is added
    /// to the mean loss), also known as weight decay [default: 0, or 1e-4 for a convex model]
    #[arg(long, value_name = "STRENGTH", visible_alias = "mu")]
    penalty: Option<f64>,

    /// Share of the records held out for validation, from 0 to below 1; never trained on
    #[arg(long, value_name = "SHARE", default_value_t = TrainingSettings::default().validation)]
    validation: f64,

    /// Stop after this many epochs without a lower validation loss and go back to the best
    #[arg(long, value_name = "EPOCHS")]
    early_stopping: Option<u64>,

    /// Stop once the gradient's norm is at most this: a certificate can then say that it is proved
    /// [default for a convex model: a thousandth of the penalty]
    #[arg(long, value_name = "NORM")]
    until_gradient: Option<f64>,

    /// Epochs between checkpoints
    #[arg(long, value_name = "EPOCHS", default_value_t = TrainingSettings::default().checkpoint_every)]
    checkpoint_every: u64,
    /// Keep, in private and for good, the state after this many epochs: for methods that go back
    /// to it
    #[arg(long, value_name = "EPOCHS")]
    early_checkpoint: Option<u64>,

    /// Seed of starting weights, validation split and order of records
    #[arg(long, default_value_t = TrainingSettings::default().seed)]
    seed: u64,
}

/// Penalty of a convex model, and its gradient norm to reach in units of it.
const CONVEX_PENALTY: f64 = 1e-4;
const CONVEX_GRADIENT: f64 = 1e-3;

#[derive(Clone, Copy, ValueEnum)]
enum OptimiserName {
    Adam,
    Sgd,
}

impl TrainingOptions {
    /// The configuration of a run that is trained, or was, by these settings.
    pub fn config(
        &self,
        data: &DataOptions,
        model: &ModelOptions,
        ball: &BallOptions,
        convex: &ConvexOptions,
    ) -> Result<RunConfig, Failure> {
        let parameterisation = convex.parameterisation();
        let (source, classes) = data.source()?;
        Ok(RunConfig {
            scaling: data.scaling(),
            data: source,
            classes,
            model: model.choice()?,
            training: self.settings(parameterisation.is_convex()),
            parameterisation,
            loss: convex.loss(),
            declared_by: ball.declared_by(),
            radius: ball.radius,
            ..RunConfig::default()
        })
    }

    /// The settings; of a convex model, if it is one.
    fn settings(&self, convex: bool) -> TrainingSettings {
        let penalty = match (self.penalty, convex) {
            (Some(penalty), _) => penalty,
            (None, true) => CONVEX_PENALTY,
            (None, false) => TrainingSettings::default().penalty,
        };
        // Without a penalty there is nothing to reach: that is refused with its reason.
        let own = (convex && penalty > 0.0).then_some(penalty * CONVEX_GRADIENT);
        let optimiser = match self.optimizer {
            OptimiserName::Adam => Optimiser::adam(self.learning_rate.unwrap_or(1e-3)),
            OptimiserName::Sgd => Optimiser::Sgd {
                learning_rate: self.learning_rate.unwrap_or(1e-2),
                momentum: self.momentum,
            },
        };
        TrainingSettings {
            optimiser,
            schedule: self.schedule,
            epochs: self.epochs,
            batch: self.batch,
            penalty,
            validation: self.validation,
            early_stopping: self.early_stopping,
            until_gradient: self.until_gradient.or(own),
            checkpoint_every: self.checkpoint_every,
            early_checkpoint: self.early_checkpoint,
            seed: self.seed,
            ..TrainingSettings::default()
        }
    }
}

fn parse_schedule(text: &str) -> Result<Schedule, String> {
    let expected = || "expected constant, steps:EPOCHS:FACTOR or cosine[:WARMUP]".to_owned();
    fn figure<T: FromStr>(text: &str) -> Option<T> {
        text.parse().ok()
    }
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        ["constant"] => Some(Schedule::Constant),
        ["steps", epochs, factor] => figure(epochs)
            .zip(figure(factor))
            .map(|(epochs, factor)| Schedule::Steps { epochs, factor }),
        ["cosine"] => Some(Schedule::Cosine {
            warmup: 0,
            last: 0.0,
        }),
        ["cosine", warmup] => figure(warmup).map(|warmup| Schedule::Cosine { warmup, last: 0.0 }),
        _ => None,
    }
    .ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_and_nonsense_is_not() {
        assert_eq!(parse_schedule("constant"), Ok(Schedule::Constant));
        assert_eq!(
            parse_schedule("steps:10:0.5"),
            Ok(Schedule::Steps {
                epochs: 10,
                factor: 0.5
            })
        );
        assert_eq!(
            parse_schedule("cosine:2"),
            Ok(Schedule::Cosine {
                warmup: 2,
                last: 0.0
            })
        );
        for wrong in [
            "",
            "steps",
            "steps:1",
            "steps:x:0.5",
            "cosine:-1",
            "cosine:1:2",
            "linear",
        ] {
            assert!(parse_schedule(wrong).is_err(), "{wrong}");
        }
    }
}
