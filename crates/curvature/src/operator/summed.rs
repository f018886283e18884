use super::LinearOperator;
use crate::{Real, vector};

/// `A + B`, for instance the curvature of the loss and of a penalty.
#[derive(Debug, Clone)]
pub struct Summed<A, B> {
    left: A,
    right: B,
}

/// Two operators of different size cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot add an operator of dimension {left} to one of dimension {right}: both must act on the same parameters"
)]
pub struct UnequalDimensions {
    /// Dimension of the first operator.
    pub left: usize,
    /// Dimension of the second operator.
    pub right: usize,
}

impl<A, B> Summed<A, B> {
    /// `left + right`.
    ///
    /// # Errors
    /// The two have different dimensions.
    pub fn new<T: Real>(left: A, right: B) -> Result<Self, UnequalDimensions>
    where
        A: LinearOperator<T>,
        B: LinearOperator<T>,
    {
        if left.dim() == right.dim() {
            Ok(Self { left, right })
        } else {
            Err(UnequalDimensions {
                left: left.dim(),
                right: right.dim(),
            })
        }
    }
}

impl<T: Real, A: LinearOperator<T>, B: LinearOperator<T>> LinearOperator<T> for Summed<A, B> {
    fn dim(&self) -> usize {
        self.left.dim()
    }

    fn apply(&self, v: &[T], out: &mut [T]) {
        self.apply_block(v, out);
    }

    fn apply_block(&self, vs: &[T], outs: &mut [T]) {
        let mut right = vec![T::zero(); outs.len()];
        self.left.apply_block(vs, outs);
        self.right.apply_block(vs, &mut right);
        vector::add_scaled(outs, 1.0, &right);
    }
}
