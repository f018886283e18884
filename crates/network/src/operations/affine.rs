//! Maps that are linear in the input and in the weights, with an optional bias.

use super::{Point, Scratch, Sink, Weights};
use crate::kernel;
use crate::number::Number;

/// A map `(x, w) ↦ w∗x` that is linear in each argument.
pub(crate) trait Bilinear {
    /// Number of weights, bias not counted.
    fn weight_len(&self) -> usize;

    /// Elements along the last axis of the output; also the length of a bias.
    fn outputs(&self) -> usize;

    /// `y = Σ_j w_j ∗ x_j`.
    fn apply<T: Number>(
        &self,
        records: usize,
        terms: &[(&[T], Weights<'_, T>)],
        y: &mut [T],
        scratch: &mut Scratch<T>,
    );

    /// `x̄ (+)= Σ_j (w_j ∗ ·)ᵀ ȳ_j` and `w̄ += Σ_j (· ∗ x_j)ᵀ ȳ_j`, whichever is asked for.
    fn transpose<T: Number>(
        &self,
        records: usize,
        terms: &[Term<'_, T>],
        xbar: Option<Sink<'_, T>>,
        wbar: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    );
}

/// One summand of [`Bilinear::transpose`]. `x = None` is a zero input: it adds nothing to `w̄`.
pub(crate) struct Term<'a, T> {
    pub x: Option<&'a [T]>,
    pub w: Weights<'a, T>,
    pub ybar: &'a [T],
}

/// `y = w∗x + b`: parameters are the weights followed by the bias.
#[derive(Clone, Debug)]
pub(crate) struct Affine<K> {
    pub kernel: K,
    pub bias: bool,
}

impl<K: Bilinear> Affine<K> {
    pub fn parameter_len(&self) -> usize {
        self.kernel.weight_len() + if self.bias { self.kernel.outputs() } else { 0 }
    }

    fn weights<'a, T: Number>(&self, w: Weights<'a, T>) -> Weights<'a, T> {
        Weights {
            values: &w.values[..self.kernel.weight_len()],
            ..w
        }
    }

    fn add_bias<T: Number>(&self, w: Weights<'_, T>, y: &mut [T]) {
        if self.bias {
            kernel::add_bias(y, &w.values[self.kernel.weight_len()..]);
        }
    }

    /// Splits `w̄`, adds the bias's share, and returns the weights' part.
    fn add_bias_gradient<'a, T: Number>(&self, wbar: &'a mut [T], ybar: &[T]) -> &'a mut [T] {
        let (weights, bias) = wbar.split_at_mut(self.kernel.weight_len());
        if self.bias {
            kernel::add_column_sums(bias, ybar);
        }
        weights
    }

    pub fn forward<T: Number>(
        &self,
        records: usize,
        w: Weights<'_, T>,
        x: &[T],
        y: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        self.kernel
            .apply(records, &[(x, self.weights(w))], y, scratch);
        self.add_bias(w, y);
    }

    pub fn tangent<T: Number>(
        &self,
        point: &Point<'_, T>,
        v: Weights<'_, T>,
        dx: Option<&[T]>,
        dy: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        let by_weights = (point.x, self.weights(v));
        match dx {
            None => self.kernel.apply(point.records, &[by_weights], dy, scratch),
            Some(dx) => {
                let by_input = (dx, self.weights(point.weights));
                self.kernel
                    .apply(point.records, &[by_weights, by_input], dy, scratch);
            }
        }
        self.add_bias(v, dy);
    }

    pub fn backward<T: Number>(
        &self,
        point: &Point<'_, T>,
        ybar: &[T],
        xbar: Option<Sink<'_, T>>,
        wbar: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        let term = Term {
            x: Some(point.x),
            w: self.weights(point.weights),
            ybar,
        };
        let wbar = wbar.map(|wbar| self.add_bias_gradient(wbar, ybar));
        self.kernel
            .transpose(point.records, &[term], xbar, wbar, scratch);
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
        let along_cotangent = Term {
            x: Some(point.x),
            w: self.weights(point.weights),
            ybar: dybar,
        };
        let along_inputs = Term {
            x: dx,
            w: self.weights(v),
            ybar,
        };
        let dwbar = self.add_bias_gradient(dwbar, dybar);
        // The network's first layer has no second term: its input does not move.
        if dx.is_none() {
            self.kernel.transpose(
                point.records,
                &[along_cotangent],
                dxbar,
                Some(dwbar),
                scratch,
            );
        } else {
            let terms = [along_cotangent, along_inputs];
            self.kernel
                .transpose(point.records, &terms, dxbar, Some(dwbar), scratch);
        }
    }
}
