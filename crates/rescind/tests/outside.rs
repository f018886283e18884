//! A model that is not a network, through the facade alone.

#[path = "../examples/poisson_regression.rs"]
mod poisson_regression;

use poisson_regression::{Poisson, run};
use rescind::methods::MethodChoice;
use rescind::methods::newton::NewtonSettings;
use rescind::verify::{Evidence, verify_run};
use rescind::{
    Code, CurvatureProducts, DoublePrecision, Error, EvaluationSet, Failure, Measured, Model,
    ModelDescription, ModelError, Observer, OutsideRecords, ReleaseChoice, Request, Run,
    RunSettings,
};
use rescind_data::Digest;
use rescind_privacy::NoiseChoice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn the_example_trains_forgets_releases_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = run(folder.path()).unwrap();
    assert!(after > before, "{before} {after}");

    // Whoever has the run and not the model verifies both releases, and may release again.
    let root = folder.path();
    for release in ["000001", "000002"] {
        let path = root.join("releases").join(release);
        let bytes = std::fs::read(path.join("certificate.json")).unwrap();
        let report = verify_run(&bytes, root, Evidence::default()).unwrap();
        assert!(report.holds(), "{report}");
    }
    let mut absent = Run::open(root).unwrap();
    let request = Request::of("subject:person-5".parse().unwrap());
    let refused = absent.forget(&request, &mut ()).err().unwrap();
    assert_eq!(refused.code(), Code::OtherKindOfModel, "{refused}");
    drop(absent);
    let records = OutsideRecords {
        dataset: "made-up counts".to_owned(),
        subjects: Some((0..400).map(|i| format!("person-{}", i % 80)).collect()),
    };
    let model = Box::new(Poisson::made_up());
    let mut run = Run::open_outside(root, model, &records).unwrap();
    run.forget(&request, &mut ()).unwrap();
    drop(run);
    let mut absent = Run::open(root).unwrap();
    let noise = NoiseChoice::Sigma {
        sigma: 0.01,
        delta: 1e-5,
    };
    let released = absent.release(&ReleaseChoice::new(noise), &mut ()).unwrap();
    assert_eq!(released.certificate.release, 3);
}

/// The step of the example against exact retraining: Newton's method in double precision on the
/// retained records alone.
#[test]
fn a_newton_step_comes_near_exact_retraining() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = RunSettings::default();
    settings.training.epochs = 400;
    settings.training.batch = 400;
    settings.training.optimiser = rescind::training::Optimiser::adam(0.02);
    let records = OutsideRecords::default();
    let model = Box::new(Poisson::made_up());
    let mut run = Run::create_outside(folder.path(), model, &records, settings, None).unwrap();
    run.train(&mut ()).unwrap();
    let before = run.private_weights().unwrap().parameters.clone();
    let newton = NewtonSettings {
        damping: rescind::methods::newton::Damping::Given { value: 1e-6 },
        subsample: None,
        ..NewtonSettings::default()
    };
    let newton = MethodChoice::with("newton", &newton).unwrap();
    let request = Request::of("0-19".parse().unwrap()).by(newton);
    run.forget(&request, &mut ()).unwrap();
    let after = run.private_weights().unwrap().parameters.clone();

    let poisson = Poisson::made_up();
    let retained: Vec<usize> = (20..400).collect();
    let optimum = minimum(&poisson, &retained);
    let distance = |w: &[f32]| {
        let squares = w
            .iter()
            .zip(&optimum)
            .map(|(&w, o)| (f64::from(w) - o).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let (moved, left) = (distance(&before), distance(&after));
    assert!(left < 0.15 * moved, "{moved} before, {left} after");
}

/// Newton's method with the Hessian written out.
fn minimum(poisson: &Poisson, on: &[usize]) -> Vec<f64> {
    let mut w = vec![0.0; 4];
    for _ in 0..30 {
        let mut g = vec![0.0; 4];
        poisson.exact_gradient(&w, on, &mut g).unwrap();
        let mut rows = [[0.0; 5]; 4];
        for (i, row) in rows.iter_mut().enumerate() {
            let mut unit = [0.0; 4];
            unit[i] = 1.0;
            let which = rescind::Curvature::Hessian;
            poisson
                .exact_product(which, &w, on, &unit, &mut row[..4])
                .unwrap();
            row[4] = g[i];
        }
        for i in 0..4 {
            let pivot = rows[i];
            for (j, row) in rows.iter_mut().enumerate() {
                if j != i {
                    let share = row[i] / pivot[i];
                    row.iter_mut().zip(pivot).for_each(|(a, b)| *a -= share * b);
                }
            }
        }
        w.iter_mut()
            .enumerate()
            .for_each(|(i, w)| *w -= rows[i][4] / rows[i][i]);
    }
    w
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the sensor is offline")]
struct Offline;

/// A model that raises an error of its own once it is told to.
struct Failing {
    inner: Poisson,
    broken: Arc<AtomicBool>,
}

impl Failing {
    fn check(&self) -> Result<(), Failure> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(Box::new(Offline)),
            false => Ok(()),
        }
    }
}

impl Model for Failing {
    fn description(&self) -> &ModelDescription {
        self.inner.description()
    }

    fn records(&self) -> usize {
        self.inner.records()
    }

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        self.inner.identity(position)
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        self.inner.gradient(w, records, gradient)
    }

    fn curvature(&self) -> Option<&dyn CurvatureProducts> {
        Some(self)
    }

    fn measure(
        &self,
        w: &[f32],
        statistics: &[f32],
        on: EvaluationSet<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Measured>, Failure> {
        self.inner.measure(w, statistics, on, observer)
    }
}

impl CurvatureProducts for Failing {
    fn product(
        &self,
        which: rescind::Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure> {
        self.check()?;
        self.inner.product(which, w, records, v, out)
    }
}

#[test]
fn a_models_own_error_arrives_as_it_was_raised_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let model = Failing {
        inner: Poisson::made_up(),
        broken: Arc::clone(&broken),
    };
    let records = OutsideRecords::default();
    let settings = RunSettings::default();
    let mut run =
        Run::create_outside(folder.path(), Box::new(model), &records, settings, None).unwrap();
    run.train(&mut ()).unwrap();
    let before = run.private_weights().unwrap().clone();
    broken.store(true, Ordering::SeqCst);
    let request = Request::of("5".parse().unwrap()).by(MethodChoice::named("newton"));
    let error = run.forget(&request, &mut ()).unwrap_err();
    assert_eq!(error.code(), Code::ModelFailed);
    let Error::Unlearn(ModelError::Model(failure)) = error else {
        panic!("{error}");
    };
    assert_eq!(failure.downcast_ref::<Offline>(), Some(&Offline));
    assert_eq!(run.private_weights().unwrap(), &before);
    assert_eq!(run.ledger().history().request_count(), 0);
    broken.store(false, Ordering::SeqCst);
    run.forget(&request, &mut ()).unwrap();
    assert_eq!(run.retained().len(), 399);
}

#[test]
fn what_a_model_lacks_is_said_with_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let model = Failing {
        inner: Poisson::made_up(),
        broken: Arc::default(),
    };
    let records = OutsideRecords::default();
    let settings = RunSettings::default();
    let mut run =
        Run::create_outside(folder.path(), Box::new(model), &records, settings, None).unwrap();
    run.train(&mut ()).unwrap();
    // Figures in double precision from a model that has none; a descent on what is not linear.
    let checked = NewtonSettings {
        check: true,
        ..NewtonSettings::default()
    };
    let checked = MethodChoice::with("newton", &checked).unwrap();
    for (choice, lacks) in [
        (checked, "double precision"),
        (MethodChoice::named("descent"), "not convex"),
    ] {
        let request = Request::of("5".parse().unwrap()).by(choice);
        let error = run.forget(&request, &mut ()).unwrap_err();
        assert_eq!(error.code(), Code::NotProvable);
        let text = error.to_string();
        assert!(
            text.contains(lacks) && text.contains("noisy-finetune"),
            "{text}"
        );
    }
}

#[test]
fn a_run_is_opened_with_the_model_and_the_records_it_was_made_with() {
    let folder = tempfile::tempdir().unwrap();
    let records = OutsideRecords::default();
    let settings = RunSettings::default();
    let make = || Box::new(Poisson::made_up());
    drop(Run::create_outside(folder.path(), make(), &records, settings, None).unwrap());
    assert!(Run::open_outside(folder.path(), make(), &records).is_ok());
    let renamed = OutsideRecords {
        dataset: "others".to_owned(),
        subjects: None,
    };
    let other = Run::open_outside(folder.path(), make(), &renamed)
        .err()
        .unwrap();
    assert_eq!(other.code(), Code::OtherModel);
    // Without its model nothing can be computed on its records.
    let mut run = Run::open(folder.path()).unwrap();
    let refused = run.train(&mut ()).err().unwrap();
    assert_eq!(refused.code(), Code::OtherKindOfModel);
}

/// What no certificate may state is refused before anything is trained, and nothing is left of it.
#[test]
fn records_without_a_name_make_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("run");
    for dataset in ["", "--", "a\nb", &"a".repeat(101)] {
        let records = OutsideRecords {
            dataset: dataset.to_owned(),
            subjects: None,
        };
        let model = Box::new(Poisson::made_up());
        let made = Run::create_outside(&place, model, &records, RunSettings::default(), None);
        let error = made.err().unwrap();
        assert_eq!(error.code(), Code::Setting, "{error}");
        assert!(error.to_string().contains("name of the records"), "{error}");
        assert!(!place.exists());
    }
}
