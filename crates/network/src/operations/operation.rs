//! One operation, whichever it is.

use super::{
    Activation, Affine, AveragePool, BatchNorm, Convolution, GroupNorm, Linear, MaxPool, Point,
    Prepared, Reorder, Saved, Scratch, Sink, Weights,
};
use crate::kernel;
use crate::number::Number;

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
    pub fn prepare<T: Number>(&self, values: &[T], records: usize) -> Prepared<T> {
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
    pub fn forward<T: Number>(
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
    pub fn tangent<T: Number>(
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
    pub fn backward<T: Number>(
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
    pub fn record_gradient_norms<T: Number>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        norms: &mut [f64],
        scratch: &mut Scratch<T>,
    ) {
        match self {
            Operation::Linear(op) => op.kernel.record_gradient_norms(op.bias, point, ybar, norms),
            _ => self.record_gradients(point, ybar, scratch, &mut |i, gradient| {
                norms[i] += kernel::squared_norm(gradient);
            }),
        }
    }

    /// Hands `each` the parameter gradient of one record after another.
    pub fn record_gradients<T: Number>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        scratch: &mut Scratch<T>,
        each: &mut dyn FnMut(usize, &[T]),
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
