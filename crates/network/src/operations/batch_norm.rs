//! Batch norm with frozen statistics: an affine map per channel.
//!
//! Frozen statistics are constants of the model, so curvature and inference see a plain affine
//! layer. Batch statistics exist in training only: see [`crate::training`].

use super::{Point, Scratch, Sink, Weights};
use crate::kernel::kernel;
use crate::number::Number;

/// `y = γ (x − m)/√(v + e) + β` per channel. Parameters γ then β; statistics m then v.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    pub channels: usize,
    pub epsilon: f64,
}

impl BatchNorm {
    /// `1/√(v + e)` per channel.
    fn inverse_deviations<T: Number>(&self, statistics: &[T], out: &mut [T]) {
        for (out, v) in out.iter_mut().zip(&statistics[self.channels..]) {
            *out = T::of(1.0 / (v.as_f64() + self.epsilon).sqrt());
        }
    }

    pub fn forward<T: Number>(
        &self,
        w: Weights<'_, T>,
        x: &[T],
        y: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let c = self.channels;
        let (gamma, beta) = w.values.split_at(c);
        let means = &w.statistics[..c];
        let [inverse, ..] = scratch.take([c, 0, 0, 0]);
        self.inverse_deviations(w.statistics, inverse);
        for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for k in 0..c {
                y[k] = gamma[k] * ((x[k] - means[k]) * inverse[k]) + beta[k];
            }
        }
    }

    pub fn tangent<T: Number>(
        &self,
        point: &Point<'_, T>,
        v: Weights<'_, T>,
        dx: Option<&[T]>,
        dy: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let c = self.channels;
        let still = Weights {
            statistics: point.weights.statistics,
            ..v
        };
        self.forward(still, point.x, dy, scratch);
        let Some(dx) = dx else { return };
        let [scale, ..] = scratch.take([c, 0, 0, 0]);
        self.slopes(point.weights, scale);
        scale_rows(scale, dx, dy, true);
    }

    /// `γ/√(v + e)` per channel.
    fn slopes<T: Number>(&self, w: Weights<'_, T>, scale: &mut [T]) {
        self.inverse_deviations(w.statistics, scale);
        for (scale, &gamma) in scale.iter_mut().zip(w.values) {
            *scale *= gamma;
        }
    }

    pub fn backward<T: Number>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        xbar: Option<Sink<'_, T>>,
        wbar: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        let c = self.channels;
        let [scale, inverse, ..] = scratch.take([c, c, 0, 0]);
        if let Some(xbar) = xbar {
            self.slopes(point.weights, scale);
            scale_rows(scale, ybar, xbar.buffer, xbar.accumulate);
        }
        if let Some(wbar) = wbar {
            self.inverse_deviations(point.weights.statistics, inverse);
            let means = &point.weights.statistics[..c];
            let (gamma, beta) = wbar.split_at_mut(c);
            for (x, ybar) in point.x.chunks_exact(c).zip(ybar.chunks_exact(c)) {
                for k in 0..c {
                    gamma[k] += ybar[k] * ((x[k] - means[k]) * inverse[k]);
                    beta[k] += ybar[k];
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub fn backward_tangent<T: Number>(
        &self,
        point: &Point<'_, T>,
        v: Weights<'_, T>,
        dx: Option<&[T]>,
        ybar: &[T],
        dybar: &[T],
        dxbar: Option<Sink<'_, T>>,
        dwbar: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let c = self.channels;
        let [scale, inverse, turn, _] = scratch.take([c, c, c, 0]);
        self.inverse_deviations(point.weights.statistics, inverse);
        for k in 0..c {
            scale[k] = point.weights.values[k] * inverse[k];
            turn[k] = v.values[k] * inverse[k];
        }
        if let Some(dxbar) = dxbar {
            scale_rows(scale, dybar, dxbar.buffer, dxbar.accumulate);
            scale_rows(turn, ybar, dxbar.buffer, true);
        }
        let means = &point.weights.statistics[..c];
        let (gamma, beta) = dwbar.split_at_mut(c);
        for (row, (x, dybar)) in point
            .x
            .chunks_exact(c)
            .zip(dybar.chunks_exact(c))
            .enumerate()
        {
            for k in 0..c {
                gamma[k] += dybar[k] * ((x[k] - means[k]) * inverse[k]);
                beta[k] += dybar[k];
                if let Some(dx) = dx {
                    gamma[k] += ybar[row * c + k] * dx[row * c + k] * inverse[k];
                }
            }
        }
    }
}

kernel! {
    /// `out (+)= scale·u`, channel by channel.
    fn scale_rows<T>(scale: &[T], u: &[T], out: &mut [T], accumulate: bool) {
        for (out, u) in out.chunks_exact_mut(scale.len()).zip(u.chunks_exact(scale.len())) {
            for ((o, &u), &s) in out.iter_mut().zip(u).zip(scale) {
                *o = if accumulate { *o + s * u } else { s * u };
            }
        }
    }
}
