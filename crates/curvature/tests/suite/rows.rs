//! The preconditioner made of rows, against the dense matrix that it inverts.

use rescind_curvature::{Preconditioner, PreconditionerError, RowPreconditioner, Rows};

/// Rows one after another.
struct Dense {
    dim: usize,
    values: Vec<f32>,
}

impl Dense {
    fn random(rows: usize, dim: usize) -> Self {
        let value = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
        let values = (0..rows * dim).map(value).collect();
        Dense { dim, values }
    }

    /// RRᵀ from its diagonal on; what lies below says nothing.
    fn gram(&self) -> Vec<f32> {
        let rows: Vec<&[f32]> = self.values.chunks_exact(self.dim).collect();
        let mut gram = Vec::new();
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                let product: f32 = a.iter().zip(*b).map(|(a, b)| a * b).sum();
                gram.push(if i <= j { product } else { -7.0 });
            }
        }
        gram
    }
}

impl Rows for Dense {
    fn rows(&self) -> usize {
        self.values.len() / self.dim
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[f32], out: &mut [f32]) {
        for (out, row) in out.iter_mut().zip(self.values.chunks_exact(self.dim)) {
            *out = row.iter().zip(v).map(|(r, v)| r * v).sum();
        }
    }

    fn apply_transposed(&self, u: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for (u, row) in u.iter().zip(self.values.chunks_exact(self.dim)) {
            out.iter_mut().zip(row).for_each(|(out, r)| *out += u * r);
        }
    }
}

#[test]
fn it_inverts_the_rows_products_plus_damping() {
    for (m, d) in [(1, 1), (5, 12), (40, 9), (130, 200)] {
        let rows = Dense::random(m, d);
        let x: Vec<f32> = (0..d).map(|i| ((i * 31) % 17) as f32 - 8.0).collect();
        let (mut rx, mut px) = (vec![0.0; m], vec![0.0; d]);
        rows.apply(&x, &mut rx);
        rows.apply_transposed(&rx, &mut px);
        let damping = 0.5;
        px.iter_mut().zip(&x).for_each(|(p, x)| *p += 0.5 * x);
        let gram = rows.gram();
        let preconditioner = RowPreconditioner::new(rows, gram, damping).unwrap();
        assert_eq!(preconditioner.dim(), d);
        let mut back = vec![f32::NAN; d];
        preconditioner.apply(&px, &mut back);
        let apart: f32 = back.iter().zip(&x).map(|(b, x)| (b - x).powi(2)).sum();
        let size: f32 = x.iter().map(|x| x * x).sum();
        assert!(apart.sqrt() < 1e-3 * size.sqrt(), "{m} x {d}: {apart}");
    }
}

#[test]
fn its_bits_do_not_depend_on_the_number_of_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let rows = Dense::random(700, 40);
            let gram = rows.gram();
            let preconditioner = RowPreconditioner::new(rows, gram, 1e-2).unwrap();
            let mut out = vec![0.0; 40];
            preconditioner.apply(&[1.0; 40], &mut out);
            out.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

#[test]
fn what_makes_no_preconditioner_is_refused() {
    let new = |gram: Vec<f32>, damping| {
        RowPreconditioner::new(Dense::random(2, 3), gram, damping).map(|_| ())
    };
    let setting = |result| matches!(result, Err(PreconditionerError::Setting(_)));
    for damping in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(setting(new(vec![1.0; 4], damping)), "{damping}");
    }
    let damaged = |result| matches!(result, Err(PreconditionerError::Damaged(_)));
    assert!(damaged(new(vec![1.0; 3], 1.0)));
    assert!(damaged(new(vec![1.0, f32::NAN, 0.0, 1.0], 1.0)));
    assert!(damaged(new(vec![1.0, 5.0, 0.0, 1.0], 1.0)));
    assert!(damaged(new(vec![f32::INFINITY, 0.0, 0.0, 1.0], 1.0)));
}
