use proptest::prelude::*;
use rescind_curvature::{
    Counted, Damped, DenseOperator, LinearOperator, Scaled, Summed, UnequalDimensions, dot,
};

use crate::dense::{Dense, random_vector};

fn apply(operator: &dyn LinearOperator<f64>, v: &[f64]) -> Vec<f64> {
    let mut out = vec![f64::NAN; v.len()];
    operator.apply(v, &mut out);
    out
}

fn close(x: &[f64], y: &[f64]) -> bool {
    x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-10)
}

proptest! {
    #[test]
    fn wrappers_are_linear_symmetric_and_what_they_say(
        dim in 1_usize..40, seed in any::<u64>(), a in -2.0..2.0_f64, factor in -3.0..3.0_f64,
        damping in 0.0..3.0_f64,
    ) {
        let left: DenseOperator<f64> =
            Dense::with_spectrum(&random_vector(dim, seed), seed).operator();
        let right: DenseOperator<f64> =
            Dense::with_spectrum(&random_vector(dim, seed ^ 1), seed ^ 2).operator();
        let (u, v) = (random_vector(dim, seed ^ 3), random_vector(dim, seed ^ 4));
        let scaled = Scaled::new(&left, factor).unwrap();
        let summed = Summed::new(&left, Box::new(&right)).unwrap();
        let damped = Damped::new(&left, damping).unwrap();
        let (lv, rv) = (apply(&left, &v), apply(&right, &v));
        let combine = |f: &dyn Fn(usize) -> f64| (0..dim).map(f).collect::<Vec<f64>>();
        prop_assert!(close(&apply(&scaled, &v), &combine(&|i| factor * lv[i])));
        prop_assert!(close(&apply(&summed, &v), &combine(&|i| lv[i] + rv[i])));
        prop_assert!(close(&apply(&damped, &v), &combine(&|i| lv[i] + damping * v[i])));
        let all: [&dyn LinearOperator<f64>; 5] =
            [&left, &scaled, &summed, &damped, &Counted::new(&left)];
        for operator in all {
            prop_assert_eq!(operator.dim(), dim);
            let (au, av) = (apply(operator, &u), apply(operator, &v));
            prop_assert!((dot(&u, &av) - dot(&au, &v)).abs() < 1e-9);
            let mixed = apply(operator, &combine(&|i| a * u[i] + v[i]));
            prop_assert!(close(&mixed, &combine(&|i| a * au[i] + av[i])));
            let mut block = vec![f64::NAN; 2 * dim];
            operator.apply_block(&[u.clone(), v.clone()].concat(), &mut block);
            prop_assert!(close(&block, &[au, av].concat()));
        }
    }
}

#[test]
fn products_are_counted_one_by_one() {
    let counted = Counted::new(Dense::with_spectrum(&[1.0, 2.0, 3.0], 1).operator::<f32>());
    assert_eq!(counted.products(), 0);
    counted.apply(&[1.0, 0.0, 0.0], &mut [0.0; 3]);
    counted.apply_block(&[1.0; 12], &mut [0.0; 12]);
    assert_eq!(counted.products(), 5);
}

#[test]
fn wrappers_that_make_no_sense_are_refused() {
    let small = DenseOperator::new(1, vec![1.0_f32]).unwrap();
    let large = DenseOperator::new(2, vec![1.0_f32; 4]).unwrap();
    assert_eq!(
        Summed::new(&small, &large).unwrap_err(),
        UnequalDimensions { left: 1, right: 2 }
    );
    let error = DenseOperator::new(3, vec![1.0_f64; 8]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a 3 by 3 matrix needs dim² entries, row by row, found 8"
    );
    for damping in [-1e-9, f64::NAN, f64::INFINITY] {
        assert_eq!(Damped::new(&small, damping).unwrap_err().setting, "damping");
    }
    assert_eq!(Scaled::new(&small, f64::NAN).unwrap_err().setting, "factor");
}
