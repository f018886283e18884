//! The rate of plain matrix products: what a network's products are measured against.

use crate::execution::Execution;
use crate::matrix::{View, ViewMut, multiply};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Rows and columns of the square matrices.
const SIZE: usize = 1024;

/// Products a thread runs at a time.
const PRODUCTS: usize = 4;

impl Execution {
    /// Floating-point operations a second of `1024 × 1024` products in single precision, every
    /// thread multiplying matrices of its own, as the passes do. The best of several runs, which
    /// take about a second together: the floor that a pass can be held against.
    pub fn matrix_product_rate(&self) -> f64 {
        let operations = (2 * PRODUCTS * self.threads()) as f64 * (SIZE as f64).powi(3);
        let best = (0..5)
            .map(|_| self.products())
            .fold(f64::INFINITY, f64::min);
        operations / best
    }

    /// Seconds that one round of products takes.
    fn products(&self) -> f64 {
        let matrices = || {
            let len = SIZE * SIZE;
            Mutex::new((vec![0.5_f32; len], vec![0.25_f32; len], vec![0.0_f32; len]))
        };
        let threads: Vec<_> = (0..self.threads()).map(|_| matrices()).collect();
        let multiply = |thread: usize, times: usize| {
            let mut of = threads[thread]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let (a, b, out) = &mut *of;
            for _ in 0..times {
                let (a, b) = (View::new(a, SIZE, SIZE), View::new(b, SIZE, SIZE));
                multiply(ViewMut::new(out, SIZE, SIZE), false, a, b);
            }
        };
        // The first time, memory is fetched.
        self.on_each(&|thread| multiply(thread, 1));
        let start = Instant::now();
        self.on_each(&|thread| multiply(thread, PRODUCTS));
        let took = start.elapsed().as_secs_f64();
        std::hint::black_box(threads);
        took
    }
}
