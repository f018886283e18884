//! How much of a small gradient is rounding.

use super::Minimiser;
use crate::error::Error;
use crate::outputs::{ConvexObjective, LinearOutputs};
use crate::rounding::rounding;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_curvature::norm;

/// At least the root mean square of records' `‖J_i‖`: `√(‖J‖_F²/n)`, less where outputs are alike, of
/// `‖J‖_F²` estimated as the squared length of `Jᵀu` for random signs u, which it is on average.
///
/// # Errors
/// Whatever the objective meets.
pub(super) fn jacobian_size(model: &dyn LinearOutputs, seed: u64) -> Result<f64, Error> {
    let losses = model.losses();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let signs = (0..losses.records() * losses.outputs)
        .map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 });
    let signs: Vec<f32> = signs.collect();
    let mut pulled = vec![0.0; model.origin().len()];
    model.transposed(&signs, &mut pulled)?;
    Ok(norm(&pulled) / ((losses.records() * model.alike()) as f64).sqrt())
}

/// A bound on the rounding of `∇F(w)` in binary64, where J has this size and F is this.
fn bound(model: &dyn ConvexObjective, size: f64, w: &[f64], value: f64) -> f64 {
    let pairs = w.iter().zip(model.origin());
    let v: Vec<f64> = pairs.map(|(w, &c)| w - f64::from(c)).collect();
    let losses = model.losses();
    let residual = losses.loss.residual_at_most(losses.outputs, value);
    rounding(
        size,
        (residual, norm(&v)),
        model.penalty(),
        model.additions(),
    )
}

impl Minimiser<'_> {
    /// How far rounding may put the gradient computed at `w` from the true one.
    pub(super) fn rounding(&mut self, w: &[f64], value: f64) -> Result<f64, Error> {
        let size = match self.size {
            Some(size) => size,
            None => jacobian_size(self.objective, self.settings.seed)?,
        };
        self.size = Some(size);
        Ok(bound(self.objective, size, w, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Objective;
    use crate::outputs::{Losses, OutputLoss, OutputTargets};
    use rescind_curvature::Preconditioner;
    use twofloat::TwoFloat;

    const INPUTS: usize = 3;
    const OUTPUTS: usize = 2;

    /// `z = W x`, x long.
    struct Scaled {
        x: Vec<f64>,
        labels: Vec<u32>,
        penalty: f64,
        origin: Vec<f32>,
    }

    /// e^x for x ≤ 0: a short series, squared ten times.
    fn exp(x: TwoFloat) -> TwoFloat {
        if f64::from(x) < -300.0 {
            return TwoFloat::from(0.0);
        }
        let small = x / 1024.0;
        let mut term = TwoFloat::from(1.0);
        let mut sum = term;
        for i in 1..30 {
            term *= small / f64::from(i);
            sum += term;
        }
        for _ in 0..10 {
            sum *= sum;
        }
        sum
    }

    impl Scaled {
        fn new(scale: f64, penalty: f64, seed: u64) -> Self {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let records = 40;
            let x = (0..records * INPUTS).map(|_| scale * rng.random_range(-1.0..1.0));
            // As single precision holds them, so that J is the same on both sides.
            let x = x.map(|x: f64| f64::from(x as f32)).collect();
            Self {
                x,
                labels: (0..records).map(|_| rng.random_range(0..2)).collect(),
                penalty,
                origin: vec![0.0; INPUTS * OUTPUTS],
            }
        }

        /// The gradient with twice the digits.
        fn gradient_in_double_double(&self, w: &[f64]) -> Vec<f64> {
            let zero = TwoFloat::from(0.0);
            let mut gradient = vec![zero; w.len()];
            let n = self.labels.len() as f64;
            for (x, &label) in self.x.chunks(INPUTS).zip(&self.labels) {
                let z: Vec<TwoFloat> = w
                    .chunks(INPUTS)
                    .map(|row| {
                        let terms = row.iter().zip(x).map(|(w, x)| TwoFloat::new_mul(*w, *x));
                        terms.fold(zero, |sum, term| sum + term)
                    })
                    .collect();
                let top = if z[0] > z[1] { z[0] } else { z[1] };
                let powers: Vec<TwoFloat> = z.iter().map(|z| exp(*z - top)).collect();
                let all = powers[0] + powers[1];
                for (k, power) in powers.iter().enumerate() {
                    let own = if k == label as usize { 1.0 } else { 0.0 };
                    let residual = *power / all - own;
                    for (g, x) in gradient[k * INPUTS..][..INPUTS].iter_mut().zip(x) {
                        *g += residual * *x / n;
                    }
                }
            }
            let pairs = gradient.into_iter().zip(w);
            pairs
                .map(|(g, w)| f64::from(g + TwoFloat::new_mul(self.penalty, *w)))
                .collect()
        }
    }

    impl Objective for Scaled {
        fn dim(&self) -> usize {
            INPUTS * OUTPUTS
        }

        fn records(&self) -> usize {
            self.labels.len()
        }

        fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
            let wide: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
            let mut exact = vec![0.0; w.len()];
            let value = self.exact_gradient(&wide, &mut exact)?;
            gradient
                .iter_mut()
                .zip(exact)
                .for_each(|(g, e)| *g = e as f32);
            Ok(value)
        }

        fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
            let z: Vec<f64> = self
                .x
                .chunks(INPUTS)
                .flat_map(|x| {
                    w.chunks(INPUTS)
                        .map(move |row| rescind_curvature::dot(row, x))
                })
                .collect();
            let mut residuals = vec![0.0; z.len()];
            let loss = self.losses().residuals(&z, &mut residuals);
            let n = self.labels.len() as f64;
            for (g, w) in gradient.iter_mut().zip(w) {
                *g = self.penalty * w;
            }
            for (x, r) in self.x.chunks(INPUTS).zip(residuals.chunks(OUTPUTS)) {
                for (row, r) in gradient.chunks_mut(INPUTS).zip(r) {
                    row.iter_mut().zip(x).for_each(|(g, x)| *g += r * x / n);
                }
            }
            Ok(loss + 0.5 * self.penalty * rescind_curvature::dot(w, w))
        }

        fn subset(&self, _: usize, _: u64) -> Result<Box<dyn Objective + '_>, Error> {
            Err(Error::NoRecords)
        }
    }

    impl LinearOutputs for Scaled {
        fn alike(&self) -> usize {
            OUTPUTS
        }

        fn origin(&self) -> &[f32] {
            &self.origin
        }

        fn penalty(&self) -> f64 {
            self.penalty
        }

        fn losses(&self) -> Losses<'_> {
            Losses {
                loss: OutputLoss::SoftmaxCrossEntropy,
                targets: OutputTargets::Classes(&self.labels),
                outputs: OUTPUTS,
            }
        }

        fn forward(&self, v: &[f32]) -> Result<Vec<f32>, Error> {
            let row = |x: &[f64], row: &[f32]| {
                let terms = row.iter().zip(x).map(|(v, x)| f64::from(*v) * x);
                terms.sum::<f64>() as f32
            };
            let records = self.x.chunks(INPUTS);
            Ok(records
                .flat_map(|x| v.chunks(INPUTS).map(move |v| row(x, v)))
                .collect())
        }

        fn transposed(&self, u: &[f32], out: &mut [f32]) -> Result<(), Error> {
            out.fill(0.0);
            for (x, u) in self.x.chunks(INPUTS).zip(u.chunks(OUTPUTS)) {
                for (row, u) in out.chunks_mut(INPUTS).zip(u) {
                    row.iter_mut().zip(x).for_each(|(o, x)| *o += u * *x as f32);
                }
            }
            Ok(())
        }

        fn preconditioner<'a>(
            &'a self,
            _: &[f32],
            _: u64,
        ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error> {
            Ok(None)
        }
    }

    #[test]
    fn no_gradient_is_off_by_more_than_the_bound() {
        let mut largest: f64 = 0.0;
        for seed in 0..200 {
            let scale = 10f64.powf(0.04 * seed as f64);
            let model = Scaled::new(scale, 1e-3 * scale * scale.sqrt(), seed);
            let mut rng = ChaCha8Rng::seed_from_u64(seed + 1000);
            let w: Vec<f64> = (0..6)
                .map(|_| rng.random_range(-2.0..2.0) / scale)
                .collect();
            let mut found = vec![0.0; 6];
            let value = model.exact_gradient(&w, &mut found).unwrap();
            let truth = model.gradient_in_double_double(&w);
            let apart: Vec<f64> = found.iter().zip(truth).map(|(f, t)| f - t).collect();
            let size = jacobian_size(&model, 0).unwrap();
            let share = norm(&apart) / bound(&model, size, &w, value);
            largest = largest.max(share);
            assert!(share < 0.5, "scale {scale:e}: {share} of the bound");
        }
        // Not so loose that it would refuse what is fine.
        assert!(largest > 1e-4, "{largest:e}");
    }

    /// How a descent to a gradient of norm `bound` ends: at these weights, and whether they are said
    /// to be where they should.
    fn ended(model: &Scaled, bound: f64) -> (Vec<f64>, bool) {
        let settings = crate::descent::ConvexSettings::new(model.penalty, bound);
        let mut descent = Minimiser::start(model, vec![0.0; 6], settings).unwrap();
        while !descent.has_arrived() {
            if descent.step(&mut ()).is_err() {
                return (descent.into_weights(), false);
            }
        }
        (descent.into_weights(), true)
    }

    /// Also where the norm asked for is one that rounding alone may give.
    #[test]
    fn a_descent_ends_where_the_true_gradient_is_as_small_as_asked() {
        let (mut arrived, mut stuck) = (0, 0);
        for seed in 0..300 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed + 77);
            let scale = 10f64.powf(rng.random_range(0.0..7.0));
            let penalty = 10f64.powf(rng.random_range(-3.0..9.0));
            let model = Scaled::new(scale, penalty, seed);
            let (w, _) = ended(&model, f64::MIN_POSITIVE);
            let mut least = vec![0.0; 6];
            model.exact_gradient(&w, &mut least).unwrap();
            let asked = 10f64.powf(rng.random_range(-10.0..-6.0));
            for bound in [1.002 * norm(&least), asked] {
                let (w, ended) = ended(&model, bound);
                let truth = norm(&model.gradient_in_double_double(&w));
                assert!(!ended || truth <= bound, "{seed}: {truth:e} for {bound:e}");
                arrived += usize::from(ended);
                stuck += usize::from(!ended);
            }
        }
        assert!(arrived > 100 && stuck > 100, "{arrived} {stuck}");
    }
}
