use super::LinearOperator;
use crate::{InvalidSetting, Real, vector};

/// `factor · A`, for instance to turn a sum over records into their mean.
#[derive(Debug, Clone)]
pub struct Scaled<O> {
    operator: O,
    factor: f64,
}

impl<O> Scaled<O> {
    /// `factor · operator`.
    ///
    /// # Errors
    /// `factor` is NaN or infinite.
    pub fn new(operator: O, factor: f64) -> Result<Self, InvalidSetting> {
        InvalidSetting::unless(factor.is_finite(), "factor", factor, "a finite number")?;
        Ok(Self { operator, factor })
    }
}

impl<T: Real, O: LinearOperator<T>> LinearOperator<T> for Scaled<O> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn apply(&self, v: &[T], out: &mut [T]) {
        self.operator.apply(v, out);
        vector::scale(out, self.factor);
    }

    fn apply_block(&self, vs: &[T], outs: &mut [T]) {
        self.operator.apply_block(vs, outs);
        vector::scale(outs, self.factor);
    }
}
