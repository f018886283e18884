//! An estimate of how fast the Hessian changes.

use crate::error::Error;
use crate::objective::{Curvature, Objective};
use crate::observer::{Observer, report};
use crate::phase::Phase;
use crate::products::Watched;
use crate::setting::require;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rescind_curvature::{LinearOperator, norm};
use serde::{Deserialize, Serialize};

/// How to estimate a Hessian-Lipschitz constant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LipschitzSettings {
    /// Random directions in which the weights are moved, besides the update's.
    pub directions: u64,
    /// How far they are moved, above 0.
    pub distance: f64,
    /// Power iterations for the norm of each difference, at least 1; each takes two products.
    pub iterations: u64,
    /// Seed of directions and starts.
    pub seed: u64,
}

impl Default for LipschitzSettings {
    /// Four directions, 0.1 far, eight iterations.
    fn default() -> Self {
        LipschitzSettings {
            directions: 4,
            distance: 0.1,
            iterations: 8,
            seed: 0,
        }
    }
}

/// How much the Hessian changed along the directions tried.
///
/// `M = sup ‖H(w + t u) − H(w)‖ / t`, of which every direction tried gives a value from below: the
/// largest is an **estimate**, and nobody bounds its error. Between the weights tried, or farther
/// away in the ball, the Hessian may change faster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LipschitzEstimate {
    /// The largest change met: the estimate of M.
    pub value: f64,
    /// Along each random direction.
    pub random: Vec<f64>,
    /// Along the last update, if there was one.
    pub update: Option<f64>,
    /// Products taken.
    pub products: u64,
}

impl LipschitzEstimate {
    /// Differences of the Hessian of `objective` between `w` and weights moved from it along random
    /// directions, and to `before`, the weights before the last update.
    ///
    /// # Errors
    /// Settings out of range, values that are not finite, [`Error::Interrupted`].
    pub fn measure(
        objective: &dyn Objective,
        w: &[f32],
        before: Option<&[f32]>,
        settings: LipschitzSettings,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let valid = settings.distance > 0.0 && settings.distance.is_finite();
        let expected = "a finite number above 0";
        require(valid, "the distance moved", settings.distance, expected)?;
        let iterations = settings.iterations;
        require(
            iterations > 0,
            "the power iterations",
            iterations as f64,
            "at least 1",
        )?;
        let here = Watched::new(objective.curvature(w, Curvature::Hessian)?);
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut work = Work {
            objective,
            here: &here,
            iterations,
            total: (settings.directions + u64::from(before.is_some())) * 2 * iterations,
            products: 0,
        };
        let mut random = Vec::new();
        for _ in 0..settings.directions {
            let direction = unit(w.len(), &mut rng);
            let moved = w.iter().zip(&direction);
            let moved: Vec<f32> = moved
                .map(|(w, u)| (f64::from(*w) + settings.distance * u) as f32)
                .collect();
            random.push(work.change(w, &moved, &mut rng, observer)?);
        }
        let update = match before {
            Some(before) => Some(work.change(w, before, &mut rng, observer)?),
            None => None,
        };
        Ok(LipschitzEstimate {
            value: random.iter().copied().chain(update).fold(0.0, f64::max),
            random,
            update,
            products: work.products,
        })
    }
}

/// What all directions share.
struct Work<'a> {
    objective: &'a dyn Objective,
    here: &'a Watched<'a>,
    iterations: u64,
    total: u64,
    products: u64,
}

impl Work<'_> {
    /// `‖H(there) − H(here)‖ / ‖there − here‖` by power iteration, so from below; 0 if the two are
    /// one.
    fn change(
        &mut self,
        w: &[f32],
        there: &[f32],
        rng: &mut ChaCha8Rng,
        observer: &mut dyn Observer,
    ) -> Result<f64, Error> {
        let step = w
            .iter()
            .zip(there)
            .map(|(w, t)| f64::from(*t) - f64::from(*w));
        let distance = norm(&step.collect::<Vec<f64>>());
        let operator = Watched::new(self.objective.curvature(there, Curvature::Hessian)?);
        let mut v: Vec<f32> = unit(w.len(), rng).into_iter().map(|x| x as f32).collect();
        let (mut near, mut far) = (vec![0.0_f32; v.len()], vec![0.0_f32; v.len()]);
        let mut largest: f64 = 0.0;
        for _ in 0..self.iterations {
            self.here.apply(&v, &mut near);
            operator.apply(&v, &mut far);
            self.products += 2;
            self.here.outcome(Ok::<(), Error>(()))?;
            operator.outcome(Ok::<(), Error>(()))?;
            report(observer, Phase::Spectrum, self.products, Some(self.total))?;
            let difference = far.iter().zip(&near);
            let difference: Vec<f64> = difference
                .map(|(far, near)| f64::from(*far) - f64::from(*near))
                .collect();
            let length = norm(&difference);
            if !length.is_finite() {
                let products = self.products;
                return Err(rescind_curvature::SpectrumError::NonFinite { products }.into());
            }
            if length <= 0.0 || distance <= 0.0 {
                break;
            }
            largest = largest.max(length / norm(&v) / distance);
            for (v, d) in v.iter_mut().zip(&difference) {
                *v = (d / length) as f32;
            }
        }
        Ok(largest)
    }
}

/// A direction uniform on the unit sphere.
fn unit(len: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut direction: Vec<f64> = (0..len).map(|_| StandardNormal.sample(rng)).collect();
    let length = norm(&direction);
    direction.iter_mut().for_each(|x| *x /= length);
    direction
}
