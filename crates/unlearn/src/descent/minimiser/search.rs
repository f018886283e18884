//! The minimum of F on a line, found in the outputs.

use crate::outputs::Losses;

/// Share of the slope that may be left.
const FLAT: f64 = 0.01;
/// Evaluations before the search gives up.
const EVALUATIONS: usize = 60;

/// `φ(t) = F(w + t d)`, seen through the outputs `z + t dz`.
pub(super) struct Line<'a> {
    pub z: &'a [f64],
    /// The residuals at z.
    pub residuals: &'a [f64],
    pub dz: &'a [f32],
    pub losses: Losses<'a>,
    /// `φ'(0)`.
    pub slope: f64,
    /// The penalty's share of `φ''`: `μ‖d‖²`.
    pub bend: f64,
}

impl Line<'_> {
    /// t > 0 with a small `|φ'(t)|`: Newton's method on φ', which grows with t, kept between what
    /// is known to be before and beyond the minimum. None if φ does not fall at 0, or if values are
    /// not finite.
    pub fn minimum(&self) -> Option<f64> {
        if self.slope.is_nan() || self.slope >= 0.0 {
            return None;
        }
        let (mut before, mut beyond) = (0.0, f64::INFINITY);
        let mut t = 0.0;
        let (mut slope, mut curvature) = self.at(t);
        for _ in 0..EVALUATIONS {
            let newton = t - slope / curvature;
            t = match newton > before && newton < beyond {
                true => newton,
                false if beyond.is_finite() => 0.5 * (before + beyond),
                false => return None,
            };
            (slope, curvature) = self.at(t);
            if slope.is_nan() {
                return None;
            }
            if slope.abs() <= FLAT * self.slope.abs() {
                return Some(t);
            }
            match slope < 0.0 {
                true => before = t,
                false => beyond = t,
            }
        }
        None
    }

    /// `φ'(t)` and `φ''(t)`. The slope is that at 0 and a difference, which keeps its digits where
    /// d is short.
    fn at(&self, t: f64) -> (f64, f64) {
        let (change, curvature) = self.losses.along((self.z, self.residuals), self.dz, t);
        (self.slope + change + t * self.bend, curvature + self.bend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::{OutputLoss, OutputTargets};
    use rescind_network::softmax;

    const LABELS: [u32; 4] = [0, 2, 1, 1];

    fn numbers(seed: f64, size: f64) -> Vec<f64> {
        (0..12)
            .map(|i| size * (seed * f64::from(i + 1)).sin())
            .collect()
    }

    /// `φ(t)`, written out.
    fn along(z: &[f64], dz: &[f32], bend: f64, tilt: f64, t: f64) -> f64 {
        let row = |(i, label): (usize, &u32)| {
            let z: Vec<f64> = (3 * i..3 * i + 3)
                .map(|j| z[j] + t * f64::from(dz[j]))
                .collect();
            z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[*label as usize]
        };
        let loss: f64 = LABELS.iter().enumerate().map(row).sum();
        loss / 4.0 + tilt * t + 0.5 * bend * t * t
    }

    fn line<'a>(
        z: &'a [f64],
        residuals: &'a mut [f64],
        dz: &'a [f32],
        bend: f64,
        slope: f64,
    ) -> Line<'a> {
        for ((z, r), label) in z.chunks(3).zip(residuals.chunks_mut(3)).zip(LABELS) {
            softmax(z, r);
            r[label as usize] -= 1.0;
        }
        Line {
            z,
            residuals,
            dz,
            losses: Losses {
                loss: OutputLoss::SoftmaxCrossEntropy,
                targets: OutputTargets::Classes(&LABELS),
                outputs: 3,
            },
            slope,
            bend,
        }
    }

    #[test]
    fn the_minimum_on_a_line_is_found_wherever_it_is() {
        // Short and long directions; outputs all but certain at the start, and directions that make
        // them so long before the minimum.
        for (size, reach, bend) in [
            (1.0, 0.1, 1e-3),
            (1.0, 1e-4, 1e-9),
            (20.0, 1.0, 1e-3),
            (0.1, 300.0, 1e-6),
            (3.0, 0.0, 0.5),
        ] {
            let z = numbers(1.3, size);
            let dz: Vec<f32> = numbers(2.1, reach).iter().map(|&d| d as f32).collect();
            let step = 1e-4 / (1.0 + reach);
            let derivative = |tilt: f64, t: f64| {
                let at = |t| along(&z, &dz, bend, tilt, t);
                (at(t + step) - at(t - step)) / (2.0 * step)
            };
            // The penalty's linear share is such that φ falls at 0.
            let tilt = -derivative(0.0, 0.0).abs() - 0.3 * (reach + bend);
            let slope = derivative(tilt, 0.0);
            let mut residuals = vec![0.0; 12];
            let found = line(&z, &mut residuals, &dz, bend, slope)
                .minimum()
                .unwrap();
            let left = derivative(tilt, found);
            assert!(
                found > 0.0 && left.abs() < 0.02 * slope.abs(),
                "{size} {reach}: {left:e} of {slope:e} left at {found}"
            );
            let line = line(&z, &mut residuals, &dz, bend, slope);
            let (first, second) = line.at(0.7 * found);
            let (up, down) = (line.at(0.7 * found + step).0, line.at(0.7 * found - step).0);
            assert!((first - derivative(tilt, 0.7 * found)).abs() < 1e-4 * slope.abs());
            assert!((second - (up - down) / (2.0 * step)).abs() < 1e-3 * second.abs());
        }
    }

    #[test]
    fn a_line_that_does_not_fall_has_none() {
        let (z, dz) = (numbers(1.3, 1.0), vec![0.5; 12]);
        for slope in [0.0, 1.0, f64::NAN] {
            assert!(
                line(&z, &mut [0.0; 12], &dz, 1.0, slope)
                    .minimum()
                    .is_none()
            );
        }
        let broken = vec![f32::NAN; 12];
        assert!(
            line(&z, &mut [0.0; 12], &broken, 1.0, -1.0)
                .minimum()
                .is_none()
        );
    }
}
