//! One optimiser step after another: what relearning and the baselines are made of.

use rescind::Ball;
use rescind::ModelError;
use rescind::training::Optimiser;
use rescind::{Error, NetworkModel, Observer, Phase, Progress};
use rescind_network::{Batch, Evaluator, Weights};

/// Whether a step goes down the loss or up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Down,
    Up,
}

/// Weights on their way, with the optimiser that moves them.
pub(crate) struct Descent<'n, 'b> {
    evaluator: Evaluator<'n, f32>,
    weights: Weights<f32>,
    optimiser: Optimiser,
    moments: Vec<Vec<f32>>,
    gradient: Vec<f32>,
    steps: u64,
    momentum: f64,
    ball: Option<&'b Ball>,
}

impl<'n, 'b> Descent<'n, 'b> {
    /// From these weights, with fresh moments; batch norm in training mode, its statistics moving
    /// by `momentum`.
    pub fn new(
        model: &NetworkModel<'n>,
        weights: &Weights<f32>,
        optimiser: Optimiser,
        momentum: f64,
    ) -> Result<Self, Error> {
        let zero = vec![0.0; weights.parameters.len()];
        Ok(Descent {
            evaluator: model.evaluator()?,
            weights: weights.clone(),
            moments: vec![zero.clone(); optimiser.moments()],
            optimiser,
            gradient: zero,
            steps: 0,
            momentum,
            ball: None,
        })
    }

    /// Projects to this ball after every step.
    pub fn within(self, ball: &'b Ball) -> Self {
        Descent {
            ball: Some(ball),
            ..self
        }
    }

    /// One step on a minibatch; gives its loss from before.
    pub fn step(&mut self, batch: Batch<'_, f32>, direction: Direction) -> Result<f64, Error> {
        let Weights {
            parameters,
            statistics,
        } = &mut self.weights;
        let loss = self.evaluator.training_gradient(
            parameters,
            batch,
            &mut self.gradient,
            statistics,
            self.momentum,
        )?;
        if direction == Direction::Up {
            self.gradient.iter_mut().for_each(|g| *g = -*g);
        }
        let (moments, steps) = (&mut self.moments, self.steps);
        self.optimiser
            .step(parameters, &self.gradient, moments, steps, 1.0);
        if let Some(ball) = self.ball {
            ball.project(parameters);
        }
        self.steps += 1;
        Ok(loss)
    }

    /// Says how many steps are done, and hears whether to go on.
    pub fn report(&self, total: Option<u64>, observer: &mut dyn Observer) -> Result<(), Error> {
        report(observer, Phase::Train, self.steps, total)
    }

    pub fn weights(&self) -> &Weights<f32> {
        &self.weights
    }

    pub fn into_weights(self) -> Weights<f32> {
        self.weights
    }
}

/// Reports counts and turns a break into an error.
pub(crate) fn report(
    observer: &mut dyn Observer,
    phase: Phase,
    done: u64,
    total: Option<u64>,
) -> Result<(), Error> {
    let progress = Progress {
        phase,
        done,
        total,
        epoch: None,
        relative_residual: None,
    };
    match observer.observe(&progress).is_break() {
        true => Err(ModelError::Interrupted { phase }.into()),
        false => Ok(()),
    }
}
