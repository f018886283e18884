//! The rate of plain matrix products: what a network's products are measured against.

use crate::execution::Execution;
use crate::matrix::{View, ViewMut, multiply};
use std::sync::Barrier;
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
        let barrier = Barrier::new(self.threads() + 1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads())
                .map(|_| {
                    scope.spawn(|| {
                        let len = SIZE * SIZE;
                        let (a, b) = (vec![0.5_f32; len], vec![0.25_f32; len]);
                        let mut out = vec![0.0_f32; len];
                        let mut run = || {
                            let (a, b) = (View::new(&a, SIZE, SIZE), View::new(&b, SIZE, SIZE));
                            multiply(ViewMut::new(&mut out, SIZE, SIZE), false, a, b);
                        };
                        run();
                        barrier.wait();
                        (0..PRODUCTS).for_each(|_| run());
                        std::hint::black_box(out);
                    })
                })
                .collect();
            barrier.wait();
            let start = Instant::now();
            // A worker that died has panicked out of memory, which nothing here can mend.
            workers.into_iter().for_each(|worker| drop(worker.join()));
            start.elapsed().as_secs_f64()
        })
    }
}
