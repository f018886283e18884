//! The estimate of a Hessian-Lipschitz constant, on objectives whose Hessian is known.

use rescind::methods::newton::{LipschitzEstimate, LipschitzSettings};
use rescind::{Curvature, Minibatch, ModelError as Error, Objective, Products};

/// `F(w) = Σ m_i w_i³ / 6`: the Hessian is `diag(m_i w_i)`, and M is the largest |m_i|.
struct Cubic(Vec<f32>);

struct Diagonal(Vec<f32>);

impl Products for Diagonal {
    fn dim(&self) -> usize {
        self.0.len()
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        for ((out, d), v) in out.iter_mut().zip(&self.0).zip(v) {
            *out = d * v;
        }
        Ok(())
    }
}

impl Objective for Cubic {
    fn dim(&self) -> usize {
        self.0.len()
    }

    fn records(&self) -> usize {
        1
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        which: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        assert_eq!(which, Curvature::Hessian);
        let diagonal = self.0.iter().zip(w).map(|(m, w)| m * w);
        Ok(Box::new(Diagonal(diagonal.collect())))
    }

    fn gradient(&self, _: &[f32], _: &mut [f32]) -> Result<f64, Error> {
        Err(Error::NoRecords)
    }

    fn exact_gradient(&self, _: &[f64], _: &mut [f64]) -> Result<f64, Error> {
        Err(Error::NoRecords)
    }

    fn sampled_curvature<'a>(
        &'a self,
        _: &'a [f32],
        _: Curvature,
        _: Minibatch,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        Err(Error::NoRecords)
    }

    fn exact_product(
        &self,
        _: &[f64],
        _: Curvature,
        _: &[f64],
        _: &mut [f64],
    ) -> Result<(), Error> {
        Err(Error::NoRecords)
    }

    fn subset(&self, _: usize, _: u64) -> Result<Box<dyn Objective + '_>, Error> {
        Err(Error::NoRecords)
    }
}

fn measure(
    objective: &Cubic,
    before: Option<&[f32]>,
    settings: LipschitzSettings,
) -> Result<LipschitzEstimate, Error> {
    let w = vec![0.25; objective.0.len()];
    LipschitzEstimate::measure(objective, &w, before, settings, &mut ())
}

#[test]
fn along_the_steepest_coordinate_the_constant_is_found() {
    let objective = Cubic(vec![5.0, 1.0, -2.0, 0.5]);
    let settings = LipschitzSettings::default();
    let before = [1.25, 0.25, 0.25, 0.25];
    let found = measure(&objective, Some(&before), settings).unwrap();
    assert!((found.update.unwrap() - 5.0).abs() < 1e-5, "{found:?}");
    assert!((found.value - 5.0).abs() < 1e-5);
    assert_eq!((found.random.len(), found.products), (4, 5 * 2 * 8));

    let along = [0.25, 0.25, 1.25, 0.25];
    let found = measure(&objective, Some(&along), settings).unwrap();
    assert!((found.update.unwrap() - 2.0).abs() < 1e-5, "{found:?}");
}

/// In one dimension every direction is the coordinate.
#[test]
fn a_random_direction_finds_the_only_constant_there_is_whatever_the_distance() {
    for distance in [1e-2, 0.1, 10.0] {
        let settings = LipschitzSettings {
            distance,
            ..LipschitzSettings::default()
        };
        let found = measure(&Cubic(vec![3.0]), None, settings).unwrap();
        assert!((found.value - 3.0).abs() < 1e-4, "{distance}: {found:?}");
        assert!(found.update.is_none());
    }
}

/// Every direction gives a value from below.
#[test]
fn random_directions_never_exceed_the_constant() {
    let objective = Cubic((0..200).map(|i| 1.0 + i as f32 / 100.0).collect());
    for seed in 0..20 {
        let settings = LipschitzSettings {
            seed,
            ..LipschitzSettings::default()
        };
        let found = measure(&objective, None, settings).unwrap();
        assert!(found.value > 0.1 && found.value < 2.99 + 1e-4, "{found:?}");
    }
}

#[test]
fn an_update_of_no_length_and_settings_out_of_range() {
    let objective = Cubic(vec![3.0, 1.0]);
    let found = measure(
        &objective,
        Some(&[0.25, 0.25]),
        LipschitzSettings::default(),
    )
    .unwrap();
    assert!(found.update.unwrap() < 1e-12);
    for (distance, iterations) in [(0.0, 8), (f64::NAN, 8), (0.1, 0)] {
        let settings = LipschitzSettings {
            distance,
            iterations,
            ..LipschitzSettings::default()
        };
        let refused = measure(&objective, None, settings);
        assert!(matches!(refused, Err(Error::Setting { .. })));
    }
    let broken = measure(&Cubic(vec![f32::NAN]), None, LipschitzSettings::default());
    assert!(matches!(broken, Err(Error::Spectrum(_))));
}
