//! Where the releases to be told apart come from.

use super::AuditError;
use rescind::Sides;
use rescind::certificate::NoiseRecord;
use rescind::release::Rehearsal;
use rescind::{ModelDescription, Observer, Run};
use rescind_privacy::noise::NoiseSource;

/// One release of each kind, in memory alone.
pub struct Pair {
    /// Parameters released after unlearning.
    pub unlearned: Vec<f32>,
    /// Parameters released after retraining.
    pub retrained: Vec<f32>,
}

/// A supply of independent pairs.
pub trait Releases {
    /// The next pair.
    ///
    /// # Errors
    /// Whatever making it meets.
    fn next(&mut self, observer: &mut dyn Observer) -> Result<Pair, AuditError>;
}

/// Fresh noise around two fixed sets of weights: training and method are fixed by their seeds, so
/// that the mechanism alone is random.
pub struct Rehearsed {
    unlearned: Rehearsal,
    retrained: Rehearsal,
    source: NoiseSource,
}

impl Rehearsed {
    /// Releases of these weights of the model with the noise of a certificate, drawn from `source`.
    pub fn new(
        model: &ModelDescription,
        sides: Sides,
        noise: &NoiseRecord,
        source: NoiseSource,
    ) -> Self {
        let of = |weights| Rehearsal::new((model, weights), noise.sigma, noise.largest);
        Rehearsed {
            unlearned: of(sides.unlearned),
            retrained: of(sides.retrained),
            source,
        }
    }
}

impl Releases for Rehearsed {
    fn next(&mut self, _: &mut dyn Observer) -> Result<Pair, AuditError> {
        Ok(Pair {
            unlearned: self.unlearned.draw(&mut self.source)?,
            retrained: self.retrained.draw(&mut self.source)?,
        })
    }
}

/// Training, requests and retraining from the start for every pair, each with seeds of its own.
pub struct Afresh<'a> {
    /// The run.
    pub run: &'a Run,
    /// The noise.
    pub noise: NoiseRecord,
    /// Where it comes from.
    pub source: NoiseSource,
    /// Seed of the next pair.
    pub seed: u64,
}

impl Releases for Afresh<'_> {
    fn next(&mut self, observer: &mut dyn Observer) -> Result<Pair, AuditError> {
        let sides = self.run.sides_afresh(self.seed, observer)?;
        self.seed = self.seed.wrapping_add(1);
        let model = self.run.model().description();
        let mut draw = |weights| {
            let rehearsal = Rehearsal::new((model, weights), self.noise.sigma, self.noise.largest);
            rehearsal.draw(&mut self.source)
        };
        Ok(Pair {
            unlearned: draw(sides.unlearned)?,
            retrained: draw(sides.retrained)?,
        })
    }
}
