use super::LinearOperator;
use crate::{InvalidSetting, Real, vector};

/// The system's matrix `H + λI`: an operator H and its damping λ ≥ 0 (docs/theory.md §2).
///
/// Solvers take it rather than a bare operator, so that an ending can name a damping that would do.
#[derive(Debug, Clone)]
pub struct Damped<O> {
    operator: O,
    damping: f64,
}

impl<O> Damped<O> {
    /// `operator + damping · I`.
    ///
    /// # Errors
    /// `damping` is negative, NaN or infinite.
    pub fn new(operator: O, damping: f64) -> Result<Self, InvalidSetting> {
        InvalidSetting::unless(
            damping >= 0.0 && damping.is_finite(),
            "damping",
            damping,
            "a finite number of at least 0",
        )?;
        Ok(Self { operator, damping })
    }

    /// The undamped operator H.
    pub fn operator(&self) -> &O {
        &self.operator
    }

    /// The damping λ.
    pub fn damping(&self) -> f64 {
        self.damping
    }
}

impl<T: Real, O: LinearOperator<T>> LinearOperator<T> for Damped<O> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn apply(&self, v: &[T], out: &mut [T]) {
        self.operator.apply(v, out);
        vector::add_scaled(out, self.damping, v);
    }

    fn apply_block(&self, vs: &[T], outs: &mut [T]) {
        self.operator.apply_block(vs, outs);
        vector::add_scaled(outs, self.damping, vs);
    }
}
