//! What happens between two additions of noise (docs/theory.md §4).
//!
//! Iterates are held in binary64, noise included, and nobody sees them. The map from one to the next
//! is `a`-Lipschitz up to `2γC1` whatever the gradient is, so that a gradient computed in binary32,
//! at the iterate rounded to binary32, changes nothing.

use crate::error::Error;
use crate::norm::norm_above;
use rescind_privacy::NoisyFineTuning;

/// Writes a gradient at some weights.
pub type Gradient<'a> = dyn FnMut(&[f32], &mut [f32]) -> Result<(), Error> + 'a;

/// The steps between the noise.
pub struct NoisySteps<'a> {
    schedule: NoisyFineTuning,
    centre: Option<&'a [f32]>,
    gradient: Vec<f32>,
    /// Steps whose gradient was clipped.
    pub clipped: u64,
}

impl<'a> NoisySteps<'a> {
    /// Steps of this schedule on `dim` parameters, drawn towards this centre.
    #[must_use]
    pub fn new(schedule: NoisyFineTuning, centre: Option<&'a [f32]>, dim: usize) -> Self {
        Self {
            schedule,
            centre,
            gradient: vec![0.0; dim],
            clipped: 0,
        }
    }

    /// `x ← x − γ (clip_{C1}(ĝ(x)) + λ (x − c))`.
    ///
    /// # Errors
    /// [`Error::Diverged`] for a gradient that is not finite; what the gradient meets.
    pub fn descend(&mut self, x: &mut [f64], gradient: &mut Gradient<'_>) -> Result<(), Error> {
        let NoisyFineTuning {
            step_size,
            clip_norm,
            weight_decay,
            ..
        } = self.schedule;
        let at: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        gradient(&at, &mut self.gradient)?;
        let norm = norm_above(self.gradient.iter().map(|&g| f64::from(g)));
        if !norm.is_finite() {
            return Err(Error::Diverged {
                epoch: 1,
                loss: norm,
            });
        }
        let scale = if norm > clip_norm {
            self.clipped += 1;
            clip_norm / norm
        } else {
            1.0
        };
        for (index, (x, &g)) in x.iter_mut().zip(&self.gradient).enumerate() {
            let c = self.centre.map_or(0.0, |centre| f64::from(centre[index]));
            *x -= step_size * (scale * f64::from(g) + weight_decay * (*x - c));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(clip_norm: f64, centre: Option<&[f32]>) -> NoisySteps<'_> {
        let schedule = NoisyFineTuning {
            radius: 1.0,
            step_size: 0.5,
            clip_norm,
            weight_decay: 0.2,
            noisy_steps: 1,
        };
        NoisySteps::new(schedule, centre, 2)
    }

    #[test]
    fn a_step_is_that_of_the_theorem() {
        let centre = [1.0_f32, 1.0];
        let mut gradient = |w: &[f32], g: &mut [f32]| {
            assert_eq!(w, [3.0, 0.5]);
            g.copy_from_slice(&[3.0, 4.0]);
            Ok(())
        };
        for (clip_norm, scale) in [(2.5, 0.5), (5.1, 1.0)] {
            let mut steps = steps(clip_norm, Some(&centre));
            let mut x = [3.0, 0.5];
            steps.descend(&mut x, &mut gradient).unwrap();
            let expected = [
                3.0 - 0.5 * (scale * 3.0 + 0.2 * 2.0),
                0.5 - 0.5 * (scale * 4.0 - 0.2 * 0.5),
            ];
            for (x, expected) in x.iter().zip(expected) {
                assert!((x - expected).abs() < 1e-12, "{x} {expected}");
            }
            assert_eq!(steps.clipped, u64::from(scale < 1.0));
        }
    }

    /// Whatever gradients two processes meet, a step brings them no further apart than the bound
    /// counts on.
    #[test]
    fn no_gradient_moves_further_than_the_clipping_allows() {
        for (one, other) in [
            ([1e30_f32, -1e30], [-1e30, 1e30]),
            ([f32::MAX, 0.0], [f32::MIN, 0.0]),
            ([1e-20, 0.0], [3.0, -7.0]),
        ] {
            let step = |gradient: [f32; 2]| {
                let mut x = [0.25, -0.5];
                let mut give = |_: &[f32], g: &mut [f32]| {
                    g.copy_from_slice(&gradient);
                    Ok(())
                };
                steps(1.5, None).descend(&mut x, &mut give).unwrap();
                x
            };
            let (a, b) = (step(one), step(other));
            let apart = (a[0] - b[0]).hypot(a[1] - b[1]);
            assert!(apart <= 2.0 * 0.5 * 1.5, "{apart}");
        }
        let mut broken = |_: &[f32], g: &mut [f32]| {
            g[0] = f32::NAN;
            Ok(())
        };
        let outcome = steps(1.0, None).descend(&mut [0.0, 0.0], &mut broken);
        assert!(matches!(outcome, Err(Error::Diverged { .. })));
    }
}
