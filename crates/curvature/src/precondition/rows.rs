use super::{Preconditioner, PreconditionerError};
use crate::dense::{factorise, solve_factorised};
use crate::{Damped, InvalidSetting};

/// A matrix R of m rows of d elements, such as rows of a Jacobian, known by its products.
pub trait Rows: Sync {
    /// The number m of rows.
    fn rows(&self) -> usize;

    /// The length d of a row.
    fn dim(&self) -> usize;

    /// Writes `R v`, m elements, into `out`.
    fn apply(&self, v: &[f32], out: &mut [f32]);

    /// Writes `Rᵀ u`, d elements, into `out`.
    fn apply_transposed(&self, u: &[f32], out: &mut [f32]);
}

/// The preconditioner `P = RᵀR + λI` for a positive-semidefinite operator that `RᵀR` resembles: a
/// Gauss–Newton matrix of which R is a sample of rows.
///
/// By Woodbury's identity `P⁻¹ r = (r − Rᵀ (RRᵀ + λI)⁻¹ R r)/λ`: beside a product with R and one
/// with its transpose, an application takes `2m²` operations, whatever d is. So m may be thousands,
/// where the memory of a [`NystromPreconditioner`](crate::NystromPreconditioner), m vectors of d
/// elements, allows hundreds.
pub struct RowPreconditioner<R> {
    rows: R,
    /// L of `RRᵀ + λI = LLᵀ`, column after column.
    factor: Vec<f32>,
    damping: f32,
}

impl<R: Rows> RowPreconditioner<R> {
    /// Factorises `RRᵀ + damping · I`, in m³/3 multiplications. `gram` is RRᵀ, row after row: what
    /// lies below its diagonal is not read.
    ///
    /// # Errors
    /// A damping that is not above 0 and finite; a matrix of the wrong size, with values that are
    /// not finite, or so far from positive semidefinite that the damping does not make it definite.
    pub fn new(rows: R, mut gram: Vec<f32>, damping: f64) -> Result<Self, PreconditionerError> {
        Damped::new((), damping)?;
        InvalidSetting::unless(damping > 0.0, "damping", damping, "a finite number above 0")?;
        let m = rows.rows();
        if m.checked_mul(m) != Some(gram.len()) {
            let reason = "its Gram matrix is not of size rows times rows";
            return Err(PreconditionerError::Damaged(reason));
        }
        let damping = damping as f32;
        gram.iter_mut().step_by(m + 1).for_each(|g| *g += damping);
        // Rows of the upper triangle are columns of the lower one.
        if !factorise(&mut gram, m) {
            let reason = "its Gram matrix is not positive semidefinite";
            return Err(PreconditionerError::Damaged(reason));
        }
        Ok(RowPreconditioner {
            rows,
            factor: gram,
            damping,
        })
    }
}

impl<R: Rows> Preconditioner<f32> for RowPreconditioner<R> {
    fn dim(&self) -> usize {
        self.rows.dim()
    }

    fn apply(&self, r: &[f32], out: &mut [f32]) {
        let mut t = vec![0.0; self.rows.rows()];
        self.rows.apply(r, &mut t);
        let size = t.len();
        solve_factorised(&self.factor, size, &mut t);
        self.rows.apply_transposed(&t, out);
        for (out, r) in out.iter_mut().zip(r) {
            *out = (r - *out) / self.damping;
        }
    }
}
