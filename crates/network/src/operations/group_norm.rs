//! Group norm: every record normalised by itself, so nothing of one record reaches another.

use super::{Point, Saved, Sink, Weights};
use crate::number::Number;

/// `y = γ x̂ + β` per channel, `x̂ = (x − m)/s` with the mean m and deviation `s = √(var + e)` of the
/// record's own group of channels. Parameters γ then β; saved: m and 1/s per record and group.
#[derive(Clone, Debug)]
pub(crate) struct GroupNorm {
    pub channels: usize,
    pub groups: usize,
    pub positions: usize,
    pub epsilon: f64,
}

/// One group of one record: which elements it has.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    first_channel: usize,
}

impl GroupNorm {
    pub fn saved_per_record(&self) -> usize {
        2 * self.groups
    }

    fn width(&self) -> usize {
        self.channels / self.groups
    }

    /// Every group of every record, with its index in `saved` over two.
    fn groups(&self, len: usize) -> impl Iterator<Item = Group> {
        let record = self.channels * self.positions;
        let (groups, width) = (self.groups, self.width());
        (0..len / record * groups).map(move |g| Group {
            start: g / groups * record,
            first_channel: g % groups * width,
        })
    }

    /// Calls `f(element, channel)` over a group.
    #[inline(always)]
    fn each(&self, group: Group, mut f: impl FnMut(usize, usize)) {
        for position in 0..self.positions {
            for channel in group.first_channel..group.first_channel + self.width() {
                f(group.start + position * self.channels + channel, channel);
            }
        }
    }

    fn mean(&self, group: Group, mut value: impl FnMut(usize, usize) -> f64) -> f64 {
        let mut sum = 0.0;
        self.each(group, |i, k| sum += value(i, k));
        sum / (self.width() * self.positions) as f64
    }

    pub fn forward<T: Number>(
        &self,
        w: Weights<'_, T>,
        x: &[T],
        y: &mut [T],
        saved: &mut Saved<T>,
    ) {
        let (gamma, beta) = w.values.split_at(self.channels);
        for (group, saved) in self.groups(x.len()).zip(saved.reals.chunks_exact_mut(2)) {
            let mean = self.mean(group, |i, _| x[i].as_f64());
            let variance = self.mean(group, |i, _| (x[i].as_f64() - mean).powi(2));
            let (m, inverse) = (T::of(mean), T::of(1.0 / (variance + self.epsilon).sqrt()));
            saved.copy_from_slice(&[m, inverse]);
            self.each(group, |i, k| {
                y[i] = gamma[k] * ((x[i] - m) * inverse) + beta[k]
            });
        }
    }

    pub fn tangent<T: Number>(
        &self,
        point: &Point<'_, T>,
        v: Weights<'_, T>,
        dx: Option<&[T]>,
        dy: &mut [T],
    ) {
        let c = self.channels;
        let gamma = point.weights.values;
        let (dgamma, dbeta) = v.values.split_at(c);
        let x = point.x;
        for (group, saved) in self.groups(x.len()).zip(point.saved.reals.chunks_exact(2)) {
            let normed = |i: usize| (x[i] - saved[0]) * saved[1];
            self.each(group, |i, k| dy[i] = dgamma[k] * normed(i) + dbeta[k]);
            if let Some(dx) = dx {
                let moved = self.moved(group, dx, normed, saved[1]);
                self.each(group, |i, k| dy[i] += gamma[k] * moved(i));
            }
        }
    }

    /// The tangent of `x̂`: `(ẋ − mean(ẋ) − x̂ mean(x̂ẋ))/s`.
    fn moved<'a, T: Number>(
        &self,
        group: Group,
        dx: &'a [T],
        normed: impl Fn(usize) -> T + 'a,
        inverse: T,
    ) -> impl Fn(usize) -> T + 'a {
        let shift = T::of(self.mean(group, |i, _| dx[i].as_f64()));
        let stretch = T::of(self.mean(group, |i, _| (normed(i) * dx[i]).as_f64()));
        move |i| (dx[i] - shift - normed(i) * stretch) * inverse
    }

    pub fn backward<T: Number>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        mut xbar: Option<Sink<'_, T>>,
        mut wbar: Option<&mut [T]>,
    ) {
        let c = self.channels;
        let gamma = point.weights.values;
        let x = point.x;
        if let Some(sink) = &mut xbar {
            sink.clear_unless_accumulating();
        }
        for (group, saved) in self.groups(x.len()).zip(point.saved.reals.chunks_exact(2)) {
            let normed = |i: usize| (x[i] - saved[0]) * saved[1];
            if let Some(sink) = &mut xbar {
                let shift = T::of(self.mean(group, |i, k| (gamma[k] * ybar[i]).as_f64()));
                let stretch =
                    T::of(self.mean(group, |i, k| (normed(i) * gamma[k] * ybar[i]).as_f64()));
                self.each(group, |i, k| {
                    sink.buffer[i] += (gamma[k] * ybar[i] - shift - normed(i) * stretch) * saved[1];
                });
            }
            if let Some(wbar) = &mut wbar {
                self.each(group, |i, k| {
                    wbar[k] += ybar[i] * normed(i);
                    wbar[c + k] += ybar[i];
                });
            }
        }
    }

    /// With `u = γȳ`, `P(u) = u − mean(u) − x̂ mean(x̂u)` and `x̄ = P(u)/s`:
    /// `x̄̇ = [P(u̇) − ẋ̂ mean(x̂u) − x̂ mean(ẋ̂u) − mean(x̂ẋ) x̄]/s`.
    #[allow(clippy::too_many_arguments)]
    pub fn backward_tangent<T: Number>(
        &self,
        point: &Point<'_, T>,
        v: Weights<'_, T>,
        dx: Option<&[T]>,
        ybar: &[T],
        dybar: &[T],
        mut dxbar: Option<Sink<'_, T>>,
        dwbar: &mut [T],
    ) {
        let c = self.channels;
        let (gamma, dgamma) = (point.weights.values, v.values);
        let x = point.x;
        if let Some(sink) = &mut dxbar {
            sink.clear_unless_accumulating();
        }
        for (group, saved) in self.groups(x.len()).zip(point.saved.reals.chunks_exact(2)) {
            let inverse = saved[1];
            let normed = |i: usize| (x[i] - saved[0]) * inverse;
            let du = |i: usize, k: usize| gamma[k] * dybar[i] + dgamma[k] * ybar[i];
            self.each(group, |i, k| {
                dwbar[k] += dybar[i] * normed(i);
                dwbar[c + k] += dybar[i];
            });
            if let Some(sink) = &mut dxbar {
                let shift = T::of(self.mean(group, |i, k| du(i, k).as_f64()));
                let stretch = T::of(self.mean(group, |i, k| (normed(i) * du(i, k)).as_f64()));
                self.each(group, |i, k| {
                    sink.buffer[i] += (du(i, k) - shift - normed(i) * stretch) * inverse;
                });
            }
            let Some(dx) = dx else { continue };
            let moved = self.moved(group, dx, normed, inverse);
            self.each(group, |i, k| dwbar[k] += ybar[i] * moved(i));
            if let Some(sink) = &mut dxbar {
                let u = |i: usize, k: usize| gamma[k] * ybar[i];
                let shift = T::of(self.mean(group, |i, k| u(i, k).as_f64()));
                let stretch = T::of(self.mean(group, |i, k| (normed(i) * u(i, k)).as_f64()));
                let cross = T::of(self.mean(group, |i, k| (moved(i) * u(i, k)).as_f64()));
                let growth = T::of(self.mean(group, |i, _| (normed(i) * dx[i]).as_f64()));
                self.each(group, |i, k| {
                    let first_order = (u(i, k) - shift - normed(i) * stretch) * inverse;
                    sink.buffer[i] -=
                        (moved(i) * stretch + normed(i) * cross + growth * first_order) * inverse;
                });
            }
        }
    }
}
