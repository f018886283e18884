//! What follows from settings and public numbers is refused before any pass over records.

mod common;

use common::{promise, weak};
use rescind::ledger::Budget;
use rescind::methods::MethodChoice;
use rescind::methods::newton::{Damping, NewtonSettings};
use rescind::methods::noisy::FinetuneSettings;
use rescind::release::ReleaseError;
use rescind::training::TrainingSettings;
use rescind::{
    Capability, Curvature, CurvatureProducts, Error, EvaluationSet, Failure, Measured, Model,
    ModelDescription, ModelError, Observer, OutsideRecords, Progress, ReleaseChoice, Request, Run,
    RunSettings, Smoothness, Tensor,
};
use rescind_data::{Digest, Selection};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const DIMENSION: usize = 4;
const RECORDS: usize = 60;

/// Calls that read records.
#[derive(Default)]
struct Calls {
    gradient: AtomicUsize,
    product: AtomicUsize,
    measure: AtomicUsize,
}

impl Calls {
    /// So many since last asked.
    fn take(&self) -> [usize; 3] {
        [&self.gradient, &self.product, &self.measure].map(|calls| calls.swap(0, Ordering::SeqCst))
    }
}

/// `ℓ_i(w) = ½‖w − x_i‖²`: the minimum is the records' mean.
struct Mean {
    description: ModelDescription,
    records: Vec<[f64; DIMENSION]>,
    calls: Arc<Calls>,
}

impl Mean {
    fn new(calls: &Arc<Calls>) -> Self {
        let coordinate = |i: usize, k: usize| ((7 * i + 3 * k) as f64).sin() + 0.1 * k as f64;
        let record = |i: usize| std::array::from_fn(|k| coordinate(i, k));
        Self {
            description: ModelDescription {
                kind: "mean".to_owned(),
                linearised: false,
                loss: None,
                tensors: vec![Tensor {
                    name: "mean".to_owned(),
                    shape: vec![DIMENSION],
                    fan_in: 1,
                    frozen: false,
                }],
                statistics: Vec::new(),
                smoothness: Smoothness::Examined { rough: Vec::new() },
                architecture: serde_json::json!("the mean of the records"),
            },
            records: (0..RECORDS).map(record).collect(),
            calls: Arc::clone(calls),
        }
    }

    /// Of some records.
    fn of(&self, records: &[usize]) -> [f64; DIMENSION] {
        let share = 1.0 / records.len() as f64;
        let sum = |k: usize| records.iter().map(|&i| self.records[i][k]).sum::<f64>();
        std::array::from_fn(|k| share * sum(k))
    }

    fn loss(&self, w: &[f32], records: &[usize]) -> f64 {
        let of = |i: &usize| {
            let pairs = w.iter().zip(self.records[*i]);
            pairs
                .map(|(&w, x)| 0.5 * (f64::from(w) - x).powi(2))
                .sum::<f64>()
        };
        records.iter().map(of).sum::<f64>() / records.len() as f64
    }
}

impl Model for Mean {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        RECORDS
    }

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        Ok(Digest::from([position as u8 + 1; 32]))
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        self.calls.gradient.fetch_add(1, Ordering::SeqCst);
        for ((g, &w), mean) in gradient.iter_mut().zip(w).zip(self.of(records)) {
            *g = (f64::from(w) - mean) as f32;
        }
        Ok(self.loss(w, records))
    }

    fn curvature(&self) -> Option<&dyn CurvatureProducts> {
        Some(self)
    }

    fn measure(
        &self,
        w: &[f32],
        _: &[f32],
        on: EvaluationSet<'_>,
        _: &mut dyn Observer,
    ) -> Result<Option<Measured>, Failure> {
        self.calls.measure.fetch_add(1, Ordering::SeqCst);
        let all: Vec<usize> = (0..RECORDS).collect();
        let records = match on {
            EvaluationSet::Records(selection) => selection.positions(),
            EvaluationSet::Test => &all[..],
        };
        Ok(Some(Measured {
            records: records.len(),
            loss: self.loss(w, records),
            accuracy: None,
        }))
    }
}

impl CurvatureProducts for Mean {
    fn product(
        &self,
        _: Curvature,
        _: &[f32],
        _: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure> {
        self.calls.product.fetch_add(1, Ordering::SeqCst);
        out.copy_from_slice(v);
        Ok(())
    }
}

fn records() -> OutsideRecords {
    OutsideRecords {
        dataset: "waves".to_owned(),
        subjects: None,
    }
}

fn trained(root: &Path, calls: &Arc<Calls>) -> Run {
    let settings = RunSettings {
        training: TrainingSettings {
            epochs: 3,
            batch: 10,
            ..TrainingSettings::default()
        },
        keep_iterates: true,
        ..RunSettings::default()
    };
    let model = Box::new(Mean::new(calls));
    let mut run = Run::create_outside(root, model, &records(), settings, None).unwrap();
    run.train(&mut ()).unwrap();
    assert!(calls.take()[0] > 0);
    run
}

fn by(method: MethodChoice) -> Request {
    Request::of("0-9".parse().unwrap()).by(method)
}

fn budgeted(sigma: f64) -> ReleaseChoice {
    ReleaseChoice {
        budget: Some(Budget {
            epsilon: 0.5,
            delta: 1e-5,
        }),
        ..ReleaseChoice::new(NoiseChoice::Sigma { sigma, delta: 1e-5 })
    }
}

/// Nothing is computed for a request that is refused, and nobody is told of any work.
fn refused(run: &mut Run, calls: &Calls, request: &Request) -> Error {
    let mut watch = |progress: &Progress| -> ControlFlow<()> { panic!("{progress:?}") };
    let error = run.forget(request, &mut watch).err().unwrap();
    assert_eq!(calls.take(), [0; 3], "{error}");
    assert_eq!(run.retained().len(), RECORDS);
    error
}

#[test]
fn a_promise_that_noise_would_destroy_is_refused_before_any_pass() {
    let (folder, calls) = (tempfile::tempdir().unwrap(), Arc::default());
    let mut run = trained(folder.path(), &calls);
    let bare = FinetuneSettings {
        recovery_epochs: Some(0),
        start_radius: Some(5.0),
        ..FinetuneSettings::default()
    };
    for method in [
        MethodChoice::named("newton"),
        MethodChoice::named("retrain"),
        MethodChoice::with("noisy-finetune", &bare).unwrap(),
        MethodChoice::with("output-perturbation", &bare).unwrap(),
    ] {
        let error = refused(&mut run, &calls, &by(method).released(promise(1.0)));
        let Error::Release(ReleaseError::Refused(refusal)) = &error else {
            panic!("{error}")
        };
        // Nobody vouches for the outside model's code.
        assert_eq!(refusal.kind, GuaranteeKind::Assumed);
        assert!(refusal.noise_norm > refusal.weights_norm, "{refusal}");
    }
    // ... the diameter of the ball for what is noised once.
    let newton = by(MethodChoice::named("newton")).released(promise(1.0));
    let error = refused(&mut run, &calls, &newton);
    let Error::Release(ReleaseError::Refused(refusal)) = &error else {
        panic!("{error}")
    };
    assert_eq!(refusal.binding, Theorem::BallDiameter);
    assert!((refusal.sigma / 149.225 - 1.0).abs() < 1e-4, "{refusal:?}");
}

#[test]
fn a_budget_is_kept_before_any_pass() {
    let (folder, calls) = (tempfile::tempdir().unwrap(), Arc::default());
    let mut run = trained(folder.path(), &calls);
    let steps = FinetuneSettings {
        start_radius: Some(1.0),
        ..FinetuneSettings::default()
    };
    for method in [
        MethodChoice::named("newton"),
        MethodChoice::named("retrain"),
        MethodChoice::with("noisy-finetune", &steps).unwrap(),
        MethodChoice::with("output-perturbation", &steps).unwrap(),
    ] {
        let error = refused(&mut run, &calls, &by(method).released(budgeted(0.1)));
        assert!(
            matches!(error, Error::Release(ReleaseError::Budget(_))),
            "{error}"
        );
    }
    // What earlier releases spent counts: half the budget goes through once, and not twice.
    let asked = |records: &str, sigma| Request {
        records: vec![records.parse().unwrap()],
        ..by(MethodChoice::named("newton")).released(budgeted(sigma))
    };
    run.forget(&asked("0-4", 300.0), &mut ()).unwrap();
    assert!(calls.take().iter().all(|&calls| calls > 0));
    let mut watch = |progress: &Progress| -> ControlFlow<()> { panic!("{progress:?}") };
    let error = run.forget(&asked("5-9", 300.0), &mut watch).err().unwrap();
    assert!(matches!(error, Error::Release(ReleaseError::Budget(_))));
    assert_eq!(calls.take(), [0; 3]);
    run.forget(&asked("5-9", 3e4), &mut ()).unwrap();
}

#[test]
fn what_makes_no_sense_is_refused_before_any_pass() {
    let (folder, calls) = (tempfile::tempdir().unwrap(), Arc::default());
    let mut run = trained(folder.path(), &calls);
    let damping = NewtonSettings {
        damping: Damping::Given { value: -1.0 },
        ..NewtonSettings::default()
    };
    let wide = FinetuneSettings {
        start_radius: Some(1e3),
        ..FinetuneSettings::default()
    };
    let checked = NewtonSettings {
        check: true,
        ..NewtonSettings::default()
    };
    let mut unknown = MethodChoice::named("newton");
    unknown.settings.insert("dampening".to_owned(), 3.into());
    let no_delta = ReleaseChoice::new(NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 0.0,
    });
    type Wanted = fn(&Error) -> bool;
    let cases: [(Request, Wanted); 8] = [
        (by(MethodChoice::with("newton", &damping).unwrap()), |e| {
            matches!(e, Error::Unlearn(ModelError::Setting { .. }))
        }),
        (
            by(MethodChoice::with("noisy-finetune", &wide).unwrap()).released(promise(1.0)),
            |e| matches!(e, Error::Unlearn(ModelError::Setting { .. })),
        ),
        (by(MethodChoice::named("noisy-finetune")), |e| {
            matches!(e, Error::Unlearn(ModelError::NoNoise { .. }))
        }),
        (by(MethodChoice::named("amnesia")), |e| {
            matches!(e, Error::Unlearn(ModelError::UnknownMethod { .. }))
        }),
        (by(unknown), |e| {
            matches!(e, Error::Unlearn(ModelError::MethodSettings { .. }))
        }),
        // This model's loss is convex, but it does not say so, and it has no double precision.
        (by(MethodChoice::named("descent")), |e| {
            matches!(e, Error::Unlearn(ModelError::NotProvable { .. }))
        }),
        (by(MethodChoice::with("newton", &checked).unwrap()), |e| {
            matches!(e, Error::Unlearn(ModelError::NotProvable { reason })
                if reason.contains(Capability::DoublePrecision.as_str()))
        }),
        (by(MethodChoice::named("newton")).released(no_delta), |e| {
            matches!(e, Error::Release(_))
        }),
    ];
    for (request, wanted) in cases {
        let error = refused(&mut run, &calls, &request);
        assert!(wanted(&error), "{error:?}");
    }
    // Requests that mean nothing, too.
    for records in [
        "class:a",
        "subject:b",
        "hash:0000000000000000000000000000000000000000000000000000000000000000",
        "60",
    ] {
        let request = Request::of(records.parse().unwrap());
        let error = refused(&mut run, &calls, &request);
        let named = matches!(error, Error::Unlearn(ModelError::Request(_)));
        assert!(named, "{records}: {error}");
    }
}

/// The same model does what is asked of it where nothing stands in the way.
#[test]
fn an_outside_model_forgets_and_is_opened_again() {
    let (folder, calls) = (tempfile::tempdir().unwrap(), Arc::default());
    let root = folder.path();
    let mut run = trained(root, &calls);
    let asked = by(MethodChoice::named("newton")).released(weak());
    let answer = run.forget(&asked.keyed("one"), &mut ()).unwrap();
    assert!(calls.take().iter().all(|&calls| calls > 0));
    assert_eq!(answer.record.forgotten.len(), 10);
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.model.kind, "mean");
    drop(run);
    let opened = Run::open_outside(root, Box::new(Mean::new(&calls)), &records());
    let mut run = opened.unwrap();
    let report = common::checked(&run, 1);
    assert!(report.holds(), "{report}");
    let gone = run.forget(&by(MethodChoice::named("retrain")), &mut ());
    assert!(matches!(gone, Err(Error::NotTrainedOn { .. })));
    assert_eq!(run.retained().len(), RECORDS - 10);

    // Another model or other records are not those of the run.
    drop(run);
    let mut other = Mean::new(&calls);
    other.description.architecture = serde_json::json!("the median");
    let refused = Run::open_outside(root, Box::new(other), &records()).err();
    assert!(matches!(refused, Some(Error::OtherModel { .. })));
    let named = OutsideRecords {
        subjects: Some(vec!["a".to_owned(); RECORDS]),
        ..records()
    };
    let refused = Run::open_outside(root, Box::new(Mean::new(&calls)), &named).err();
    assert!(matches!(refused, Some(Error::OtherModel { .. })));
    let mut absent = Run::open(root).unwrap();
    let refused = absent.retrain(&mut ()).err();
    assert!(matches!(refused, Some(Error::OtherKindOfModel { .. })));
}

/// A Newton step with exact curvature and full right-hand side lands on the mean of those that
/// stay.
#[test]
fn a_newton_step_on_a_quadratic_loss_is_the_minimum() {
    let (folder, calls) = (tempfile::tempdir().unwrap(), Arc::default());
    let mut run = trained(folder.path(), &calls);
    let settings = NewtonSettings {
        damping: Damping::Given { value: 0.0 },
        right_hand_side: rescind::methods::newton::RightHandSide::RetainGradient,
        preconditioning: rescind::methods::newton::Preconditioning::None,
        subsample: None,
        ..NewtonSettings::default()
    };
    let method = MethodChoice::with("newton", &settings).unwrap();
    run.forget(&by(method), &mut ()).unwrap();
    let rest: Selection = run.retained().clone();
    let expected = Mean::new(&calls).of(rest.positions());
    let found = &run.private_weights().unwrap().parameters;
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (f64::from(*found) - expected).abs() < 1e-6,
            "{found} {expected}"
        );
    }
}
