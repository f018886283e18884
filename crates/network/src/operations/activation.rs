//! Element-wise activations and their first two derivatives.

use super::{Point, Saved, Sink};
use crate::kernel::kernel;
use crate::number::Number;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::fmt;
use std::str::FromStr;

/// An element-wise nonlinearity, as PyTorch's module of the same name.
///
/// All but `Relu` are infinitely smooth, so that a network made of them (without max pooling) has a
/// Lipschitz Hessian on any bounded set; ReLU's Hessian jumps, and docs/theory.md §2's assumption fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `max(x, 0)`; derivative 0 at 0.
    Relu,
    /// `x Φ(x)` with the exact normal distribution function.
    Gelu,
    /// `x / (1 + e^{-x})`.
    Silu,
    /// `ln(1 + e^x)`.
    Softplus,
    /// Hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// Every activation, in the order of the documentation.
    pub const ALL: [Activation; 5] = [
        Activation::Relu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
        Activation::Tanh,
    ];

    /// Whether the second derivative exists everywhere and is Lipschitz.
    pub fn is_smooth(self) -> bool {
        self != Activation::Relu
    }

    /// The name used in descriptions and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Softplus => "softplus",
            Activation::Tanh => "tanh",
        }
    }

    /// `[φ(x), φ'(x), φ''(x)]`.
    fn derivatives(self, x: f64) -> [f64; 3] {
        match self {
            Activation::Relu => {
                let on = if x > 0.0 { 1.0 } else { 0.0 };
                [on * x.max(0.0), on, 0.0]
            }
            Activation::Gelu => {
                let cdf = 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
                let pdf = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
                [x * cdf, cdf + x * pdf, pdf * (2.0 - x * x)]
            }
            Activation::Silu => {
                let s = sigmoid(x);
                let ds = s * (1.0 - s);
                [x * s, s + x * ds, ds * (2.0 + x * (1.0 - 2.0 * s))]
            }
            Activation::Softplus => {
                let s = sigmoid(x);
                [x.max(0.0) + (-x.abs()).exp().ln_1p(), s, s * (1.0 - s)]
            }
            Activation::Tanh => {
                let t = x.tanh();
                let dt = 1.0 - t * t;
                [t, dt, -2.0 * t * dt]
            }
        }
    }

    /// Reals kept per element: ReLU's slope is read off its input, the others' two derivatives
    /// cost too much to compute again for every product.
    pub(super) fn saved_per_element(self) -> usize {
        if self == Activation::Relu { 0 } else { 2 }
    }

    pub(super) fn forward<T: Number>(self, x: &[T], y: &mut [T], saved: &mut Saved<T>, keep: bool) {
        if self == Activation::Relu {
            return relu(x, y);
        }
        if !keep {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = T::of(self.derivatives(x.as_f64())[0]);
            }
            return;
        }
        for ((y, &x), slopes) in y.iter_mut().zip(x).zip(saved.reals.chunks_exact_mut(2)) {
            let [value, first, second] = self.derivatives(x.as_f64());
            *y = T::of(value);
            slopes[0] = T::of(first);
            slopes[1] = T::of(second);
        }
    }

    pub(super) fn tangent<T: Number>(self, point: &Point<'_, T>, dx: &[T], dy: &mut [T]) {
        match self {
            Activation::Relu => relu_slope(point.x, dx, dy, false),
            _ => scale_by_slope(&point.saved.reals, dx, dy, false),
        }
    }

    pub(super) fn backward<T: Number>(self, point: &Point<'_, T>, ybar: &[T], xbar: Sink<'_, T>) {
        match self {
            Activation::Relu => relu_slope(point.x, ybar, xbar.buffer, xbar.accumulate),
            _ => scale_by_slope(&point.saved.reals, ybar, xbar.buffer, xbar.accumulate),
        }
    }

    pub(super) fn backward_tangent<T: Number>(
        self,
        point: &Point<'_, T>,
        dx: Option<&[T]>,
        ybar: &[T],
        dybar: &[T],
        dxbar: Sink<'_, T>,
    ) {
        match (self, dx) {
            (Activation::Relu, _) | (_, None) => self.backward(point, dybar, dxbar),
            (_, Some(dx)) => {
                let out = dxbar.buffer;
                bend(&point.saved.reals, dx, ybar, dybar, out, dxbar.accumulate);
            }
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

kernel! {
    fn relu<T>(x: &[T], y: &mut [T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            // NaN passes through: `max` would hide it.
            *y = if x < T::zero() { T::zero() } else { x };
        }
    }
}

kernel! {
    /// `out (+)= [x > 0]·u`.
    fn relu_slope<T>(x: &[T], u: &[T], out: &mut [T], accumulate: bool) {
        let zero = T::zero();
        if accumulate {
            for ((o, &x), &u) in out.iter_mut().zip(x).zip(u) {
                *o += if x > zero { u } else { zero };
            }
        } else {
            for ((o, &x), &u) in out.iter_mut().zip(x).zip(u) {
                *o = if x > zero { u } else { zero };
            }
        }
    }
}

kernel! {
    /// `out (+)= φ'·u`.
    fn scale_by_slope<T>(slopes: &[T], u: &[T], out: &mut [T], accumulate: bool) {
        for ((o, s), &u) in out.iter_mut().zip(slopes.chunks_exact(2)).zip(u) {
            let value = s[0] * u;
            *o = if accumulate { *o + value } else { value };
        }
    }
}

kernel! {
    /// `out (+)= φ'·ȳ̇ + φ''·ẋ·ȳ`.
    fn bend<T>(slopes: &[T], dx: &[T], ybar: &[T], dybar: &[T], out: &mut [T], accumulate: bool) {
        let cotangents = ybar.iter().zip(dybar);
        for (((o, s), &dx), (&u, &du)) in
            out.iter_mut().zip(slopes.chunks_exact(2)).zip(dx).zip(cotangents)
        {
            let value = s[0] * du + s[1] * dx * u;
            *o = if accumulate { *o + value } else { value };
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = crate::NetworkError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Activation::ALL
            .into_iter()
            .find(|a| a.name() == name)
            .ok_or_else(|| crate::NetworkError::UnknownName {
                what: "activation",
                found: name.to_owned(),
                known: "relu, gelu, silu, softplus, tanh",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_match_central_differences() {
        for activation in Activation::ALL {
            for x in [-30.0, -3.0, -0.7, 0.4, 1.9, 12.0] {
                let h = 1e-5;
                let [_, first, second] = activation.derivatives(x);
                let [above, slope_above, _] = activation.derivatives(x + h);
                let [below, slope_below, _] = activation.derivatives(x - h);
                assert!(
                    (first - (above - below) / (2.0 * h)).abs() < 1e-8,
                    "{activation} at {x}"
                );
                let bend = (slope_above - slope_below) / (2.0 * h);
                assert!((second - bend).abs() < 1e-8, "{activation} at {x}");
            }
        }
    }

    #[test]
    fn extreme_inputs_stay_finite() {
        for activation in Activation::ALL {
            for x in [-1e30, -800.0, 0.0, 800.0, 1e30] {
                let all = activation.derivatives(x);
                assert!(
                    all.iter().all(|d| d.is_finite()),
                    "{activation} at {x}: {all:?}"
                );
            }
        }
    }
}
