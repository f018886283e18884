use std::sync::atomic::{AtomicU64, Ordering};

use super::LinearOperator;
use crate::Real;

/// Counts the products taken with an operator; a block of k counts as k.
#[derive(Debug)]
pub struct Counted<O> {
    operator: O,
    products: AtomicU64,
}

impl<O> Counted<O> {
    /// Wraps `operator`, with no products counted yet.
    pub fn new(operator: O) -> Self {
        Self {
            operator,
            products: AtomicU64::new(0),
        }
    }

    /// Products taken so far.
    pub fn products(&self) -> u64 {
        self.products.load(Ordering::Relaxed)
    }
}

impl<T: Real, O: LinearOperator<T>> LinearOperator<T> for Counted<O> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn apply(&self, v: &[T], out: &mut [T]) {
        self.products.fetch_add(1, Ordering::Relaxed);
        self.operator.apply(v, out);
    }

    fn apply_block(&self, vs: &[T], outs: &mut [T]) {
        let block = vs.len() / self.dim().max(1);
        self.products.fetch_add(block as u64, Ordering::Relaxed);
        self.operator.apply_block(vs, outs);
    }
}
