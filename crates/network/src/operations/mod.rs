//! What a layer computes: its value and, exactly, its first and second derivatives.
//!
//! An operation is `y = f(x, w)` on a chunk of records. With a direction `v` in its parameters and
//! `ẋ` in its input it gives the tangent `ẏ = ∂ₓf·ẋ + ∂_w f·v`; from a cotangent `ȳ` the cotangents
//! `x̄ = ∂ₓfᵀ·ȳ` and `w̄ = ∂_w fᵀ·ȳ`; and the tangents of those cotangents, which is all that a
//! Hessian-vector product by forward-over-reverse needs.
//!
//! Pictures are kept channels-last (position, then channel), so that every loop over channels is
//! over neighbours in memory.

mod activation;
mod affine;
mod batch_norm;
mod columns;
mod convolution;
mod dots;
mod group_norm;
mod linear;
mod pooling;
mod reorder;
mod winograd;

pub use activation::Activation;
pub(crate) use affine::Affine;
pub(crate) use batch_norm::BatchNorm;
pub(crate) use convolution::Convolution;
pub(crate) use dots::Lanes;
pub(crate) use group_norm::GroupNorm;
pub(crate) use linear::Linear;
pub(crate) use pooling::{AveragePool, MaxPool, Windows};
pub(crate) use reorder::Reorder;

use crate::kernel;
use crate::scalar::Scalar;

/// A parameter vector as one operation sees it: its own slice, the same values rearranged for fast
/// products, and the frozen statistics (batch norm only).
pub(crate) struct Weights<'a, T> {
    pub values: &'a [T],
    pub prepared: &'a Prepared<T>,
    pub statistics: &'a [T],
}

impl<T> Clone for Weights<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Weights<'_, T> {}

/// An operation's parameters rearranged once per call.
pub(crate) enum Prepared<T> {
    /// Used as they are.
    Plain,
    /// A convolution's filters with their channels last.
    Columns(Vec<T>),
    /// A convolution's filters in the Winograd domain, point × channel × filter.
    Winograd(Vec<T>),
}

/// What the forward pass leaves for the derivatives, beyond input and output.
#[derive(Default)]
pub(crate) struct Saved<T> {
    pub reals: Vec<T>,
    pub indices: Vec<u32>,
}

/// An operation evaluated on a chunk.
pub(crate) struct Point<'a, T> {
    pub records: usize,
    pub weights: Weights<'a, T>,
    pub x: &'a [T],
    pub saved: &'a Saved<T>,
}

/// Where a cotangent goes, and whether it is added to what is there.
pub(crate) struct Sink<'a, T> {
    pub buffer: &'a mut [T],
    pub accumulate: bool,
}

impl<T: Scalar> Sink<'_, T> {
    /// Makes the buffer ready for additions.
    fn clear_unless_accumulating(&mut self) {
        if !self.accumulate {
            self.buffer.fill(T::zero());
        }
    }
}

/// Buffers that operations use and leave in any state.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    buffers: [Vec<T>; 4],
}

impl<T: Scalar> Scratch<T> {
    /// Four buffers of at least the asked lengths, contents unspecified.
    fn take(&mut self, lengths: [usize; 4]) -> [&mut [T]; 4] {
        for (buffer, length) in self.buffers.iter_mut().zip(lengths) {
            if buffer.len() < length {
                buffer.resize(length, T::zero());
            }
        }
        let [a, b, c, d] = &mut self.buffers;
        let [na, nb, nc, nd] = lengths;
        [&mut a[..na], &mut b[..nb], &mut c[..nc], &mut d[..nd]]
    }
}

/// One operation of a compiled network. Sums of two activations are the graph's own
/// ([`Step`](crate::program::Step)); everything here has one input.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Linear(Affine<Linear>),
    Convolution(Affine<Convolution>),
    BatchNorm(BatchNorm),
    GroupNorm(GroupNorm),
    Activation(Activation, usize),
    MaxPool(MaxPool),
    AveragePool(AveragePool),
    Reorder(Reorder),
}

impl Operation {
    /// Rearranges the operation's own parameters for chunks of `records`.
    pub fn prepare<T: Scalar>(&self, values: &[T], records: usize) -> Prepared<T> {
        match self {
            Operation::Convolution(op) => op.kernel.prepare(values, records),
            _ => Prepared::Plain,
        }
    }

    /// Multiply–adds, times two, of one record's forward pass (products only).
    pub fn flops(&self) -> usize {
        match self {
            Operation::Linear(op) => op.kernel.flops(),
            Operation::Convolution(op) => op.kernel.flops(),
            _ => 0,
        }
    }

    /// Elements of [`Saved`] per record: (reals, indices).
    pub fn saved_per_record(&self) -> (usize, usize) {
        match self {
            Operation::Activation(activation, len) => (activation.saved_per_element() * len, 0),
            Operation::GroupNorm(op) => (op.saved_per_record(), 0),
            Operation::MaxPool(op) => (0, op.output_len()),
            _ => (0, 0),
        }
    }

    /// Elements of scratch that a chunk of `records` may use.
    pub fn scratch(&self, records: usize) -> usize {
        match self {
            Operation::Convolution(op) => op.kernel.scratch(records),
            Operation::BatchNorm(op) => 4 * op.channels,
            _ => 0,
        }
    }

    /// `y = f(x, w)`; fills `saved` when derivatives will be asked for (`keep`).
    #[allow(clippy::too_many_arguments)]
    pub fn forward<T: Scalar>(
        &self,
        records: usize,
        w: Weights<'_, T>,
        x: &[T],
        y: &mut [T],
        saved: &mut Saved<T>,
        keep: bool,
        scratch: &mut Scratch<T>,
    ) {
        match self {
            Operation::Linear(op) => op.forward(records, w, x, y, scratch),
            Operation::Convolution(op) => op.forward(records, w, x, y, scratch),
            Operation::BatchNorm(op) => op.forward(w, x, y, scratch),
            Operation::GroupNorm(op) => op.forward(w, x, y, saved),
            Operation::Activation(op, _) => op.forward(x, y, saved, keep),
            Operation::MaxPool(op) => op.forward(records, x, y, saved),
            Operation::AveragePool(op) => op.forward(records, x, y),
            Operation::Reorder(op) => op.forward(records, x, y),
        }
    }

    /// `ẏ = ∂ₓf·ẋ + ∂_w f·v`; `ẋ = None` stands for zero.
    pub fn tangent<T: Scalar>(
        &self,
        point: &Point<'_, T>,
        v: Weights<'_, T>,
        dx: Option<&[T]>,
        dy: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        match (self, dx) {
            (Operation::Linear(op), _) => op.tangent(point, v, dx, dy, scratch),
            (Operation::Convolution(op), _) => op.tangent(point, v, dx, dy, scratch),
            (Operation::BatchNorm(op), _) => op.tangent(point, v, dx, dy, scratch),
            (Operation::GroupNorm(op), _) => op.tangent(point, v, dx, dy),
            (_, None) => dy.fill(T::zero()),
            (Operation::Activation(op, _), Some(dx)) => op.tangent(point, dx, dy),
            (Operation::MaxPool(op), Some(dx)) => op.tangent(point, dx, dy),
            (Operation::AveragePool(op), Some(dx)) => op.forward(point.records, dx, dy),
            (Operation::Reorder(op), Some(dx)) => op.forward(point.records, dx, dy),
        }
    }

    /// `x̄ = ∂ₓfᵀ·ȳ` into `xbar` where asked, `w̄ += ∂_w fᵀ·ȳ` where asked.
    pub fn backward<T: Scalar>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        xbar: Option<Sink<'_, T>>,
        wbar: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        match self {
            Operation::Linear(op) => op.backward(point, ybar, xbar, wbar, scratch),
            Operation::Convolution(op) => op.backward(point, ybar, xbar, wbar, scratch),
            Operation::BatchNorm(op) => op.backward(point, ybar, xbar, wbar, scratch),
            Operation::GroupNorm(op) => op.backward(point, ybar, xbar, wbar),
            _ => {
                let Some(xbar) = xbar else { return };
                match self {
                    Operation::Activation(op, _) => op.backward(point, ybar, xbar),
                    Operation::MaxPool(op) => op.backward(point, ybar, xbar),
                    Operation::AveragePool(op) => op.backward(point.records, ybar, xbar),
                    Operation::Reorder(op) => op.backward(point.records, ybar, xbar),
                    _ => unreachable!("operations with parameters were handled above"),
                }
            }
        }
    }

    /// The tangents of [`backward`](Self::backward)'s results: `dybar` is the tangent of `ybar`,
    /// `dxbar` and `dwbar` receive those of `x̄` and `w̄`.
    #[allow(clippy::too_many_arguments)]
    pub fn backward_tangent<T: Scalar>(
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
        match self {
            Operation::Linear(op) => {
                op.backward_tangent(point, v, dx, ybar, dybar, dxbar, dwbar, scratch)
            }
            Operation::Convolution(op) => {
                op.backward_tangent(point, v, dx, ybar, dybar, dxbar, dwbar, scratch)
            }
            Operation::BatchNorm(op) => {
                op.backward_tangent(point, v, dx, ybar, dybar, dxbar, dwbar, scratch)
            }
            Operation::GroupNorm(op) => {
                op.backward_tangent(point, v, dx, ybar, dybar, dxbar, dwbar)
            }
            Operation::Activation(op, _) => {
                if let Some(dxbar) = dxbar {
                    op.backward_tangent(point, dx, ybar, dybar, dxbar)
                }
            }
            // Linear in the input and without parameters: the derivative is the map itself.
            _ => self.backward(point, dybar, dxbar, None, scratch),
        }
    }

    /// Adds to `norms[i]` the squared norm of record `i`'s own parameter gradient.
    pub fn record_gradient_norms<T: Scalar>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        norms: &mut [f64],
        scratch: &mut Scratch<T>,
    ) {
        match self {
            Operation::Linear(op) => op.kernel.record_gradient_norms(op.bias, point, ybar, norms),
            _ => self.record_gradients(point, ybar, scratch, |i, gradient| {
                norms[i] += kernel::squared_norm(gradient);
            }),
        }
    }

    /// Hands `each` the parameter gradient of one record after another.
    pub fn record_gradients<T: Scalar>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        scratch: &mut Scratch<T>,
        mut each: impl FnMut(usize, &[T]),
    ) {
        if point.weights.values.is_empty() {
            return;
        }
        // A convolution of one record takes its direct form, which has no fixed cost.
        let plain = Prepared::Plain;
        let mut gradient = vec![T::zero(); point.weights.values.len()];
        let (xs, ys) = (point.x.len() / point.records, ybar.len() / point.records);
        let saved_len = point.saved.reals.len() / point.records;
        for i in 0..point.records {
            let saved = Saved {
                reals: point.saved.reals[i * saved_len..][..saved_len].to_vec(),
                indices: Vec::new(),
            };
            let one = Point {
                records: 1,
                weights: Weights {
                    prepared: &plain,
                    ..point.weights
                },
                x: &point.x[i * xs..][..xs],
                saved: &saved,
            };
            gradient.fill(T::zero());
            let ybar = &ybar[i * ys..][..ys];
            self.backward(&one, ybar, None, Some(&mut gradient), scratch);
            each(i, &gradient);
        }
    }
}
