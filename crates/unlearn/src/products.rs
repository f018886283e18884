//! Products with a curvature matrix that may fail, and how their failure reaches the caller of a
//! solver.

use crate::error::Error;
use rescind_curvature::{LinearOperator, SampledOperator};
use std::sync::{Mutex, PoisonError};

/// Products with a symmetric matrix of size d × d.
pub trait Products: Sync {
    /// The size d.
    fn dim(&self) -> usize;

    /// Writes `A v`.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error>;

    /// Writes `A_j v`, A_j being the matrix over the minibatch that `(chain, step)` draws.
    ///
    /// # Errors
    /// As [`product`](Self::product); [`Error::Lacks`] where no minibatch was asked for.
    fn sampled_product(
        &self,
        _chain: u64,
        _step: u64,
        _v: &[f32],
        _out: &mut [f32],
    ) -> Result<(), Error> {
        Err(Error::Lacks {
            capability: "products over minibatches",
        })
    }
}

/// [`Products`] as the solvers take them. A failure becomes NaN, which ends every solver, and is
/// kept: [`outcome`](Self::outcome) tells it instead of the solver's own ending.
pub struct Watched<'a> {
    products: Box<dyn Products + 'a>,
    failure: Mutex<Option<Error>>,
}

impl<'a> Watched<'a> {
    /// Watches these products.
    #[must_use]
    pub fn new(products: Box<dyn Products + 'a>) -> Self {
        Self {
            products,
            failure: Mutex::default(),
        }
    }

    /// The first failure of a product, if there was one, else `result`.
    ///
    /// # Errors
    /// That failure, or that of `result`.
    pub fn outcome<T, E: Into<Error>>(&self, result: Result<T, E>) -> Result<T, Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.take() {
            Some(failure) => Err(failure),
            None => result.map_err(Into::into),
        }
    }

    fn watch(&self, out: &mut [f32], product: impl FnOnce(&mut [f32]) -> Result<(), Error>) {
        if let Err(error) = product(out) {
            out.fill(f32::NAN);
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }
}

impl LinearOperator<f32> for Watched<'_> {
    fn dim(&self) -> usize {
        self.products.dim()
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        self.watch(out, |out| self.products.product(v, out));
    }
}

impl SampledOperator<f32> for Watched<'_> {
    fn apply_sample(&self, chain: u64, step: u64, v: &[f32], out: &mut [f32]) {
        self.watch(out, |out| {
            self.products.sampled_product(chain, step, v, out)
        });
    }
}
