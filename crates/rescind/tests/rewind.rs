//! Rewind-to-delete against exact retraining, on a model whose constants are known: softmax
//! regression has gradients of length at most `√2 ‖(x, 1)‖` that are Lipschitz with `‖(x, 1)‖²/2`.

mod common;

use common::{checked, parameters, promise, small, weak};
use rescind::methods::MethodChoice;
use rescind::methods::rewind::{Rewind, RewindReport};
use rescind::release::ReleaseError;
use rescind::training::{Optimiser, TrainingSettings};
use rescind::{Error, ModelChoice, ModelError, Progress, Request, Run, RunConfig};
use rescind_network::{Activation, zoo};
use rescind_privacy::sensitivity::{Constant, GuaranteeKind, SensitivityBound, Symbol, Theorem};
use std::ops::ControlFlow;
use std::path::Path;

const EPOCHS: u64 = 12;
const KEPT: u64 = 5;

/// Full-batch gradient descent that keeps an early checkpoint.
fn descent() -> RunConfig {
    RunConfig {
        training: TrainingSettings {
            optimiser: Optimiser::Sgd {
                learning_rate: 0.02,
                momentum: 0.0,
            },
            epochs: EPOCHS,
            batch: 2000,
            penalty: 0.01,
            early_checkpoint: Some(KEPT),
            ..small().training
        },
        ..small()
    }
}

fn trained(root: &Path, config: RunConfig) -> Run {
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

/// Rewinding with the constants of the records.
fn rewinding(run: &Run) -> MethodChoice {
    let records = run.classifier().unwrap().train_records().unwrap();
    let squares = (0..records.len()).map(|i| {
        let input = records.input(i).unwrap().iter();
        1.0 + input.map(|&x| f64::from(x).powi(2)).sum::<f64>()
    });
    let longest = squares.fold(0.0, f64::max);
    let settings = Rewind {
        gradient_lipschitz: Some(longest / 2.0),
        record_gradient: Some((2.0 * longest).sqrt()),
    };
    MethodChoice::with("rewind", &settings).unwrap()
}

fn forget(records: &str, by: &MethodChoice) -> Request {
    Request::of(records.parse().unwrap()).by(by.clone())
}

/// How far the run's weights are from those of retraining.
fn distance(run: &mut Run) -> f64 {
    let unlearned = run.private_weights().unwrap().parameters.clone();
    run.retrain(&mut ()).unwrap();
    let references = std::fs::read_dir(run.root().join("private/reference")).unwrap();
    let newest = references.map(|entry| entry.unwrap().path()).max().unwrap();
    let file = std::fs::read(newest.join("weights.safetensors")).unwrap();
    let retrained = parameters(run, &file);
    let squares = unlearned.iter().zip(&retrained);
    let squares = squares.map(|(a, b)| f64::from(a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn the_bound_holds_against_retraining_request_after_request() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut run = trained(&root, descent());
    let by = rewinding(&run);
    let trained_on = run.retained().len();
    for (number, records) in [(1, "random:40"), (2, "random:60?seed=7")] {
        let answer = run.forget(&forget(records, &by).released(weak()), &mut ());
        let answer = answer.unwrap();
        let report: RewindReport = answer.record.method.details().unwrap();
        assert_eq!((report.from_epoch, report.epochs), (KEPT, EPOCHS - KEPT));
        // All that went since the checkpoint, not this request's alone.
        assert_eq!(report.removed, trained_on - run.retained().len());
        let certificate = answer.release.unwrap().certificate;
        let mut bounds = certificate.bounds.iter();
        let theorem = bounds.find(|bound| bound.theorem == Theorem::RewindToDelete);
        let bound = theorem.unwrap().value;
        let distance = distance(&mut run);
        assert!(distance > 0.0 && distance <= bound, "{distance} > {bound}");
        assert!(checked(&run, number).failures().next().is_none());
        // From disk as from memory.
        drop(run);
        run = Run::open(&root).unwrap();
    }
}

/// Steps so small that rounding moves the weights further than the records that went.
#[test]
fn the_bound_counts_what_rounding_does_to_small_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = descent();
    config.training = TrainingSettings {
        optimiser: Optimiser::Sgd {
            learning_rate: 3e-7,
            momentum: 0.0,
        },
        epochs: 2,
        penalty: 0.0,
        early_checkpoint: Some(1),
        ..config.training
    };
    let root = folder.path().join("run");
    let mut further = 0;
    for record in ["2", "23", "31"] {
        let mut run = trained(&root.with_file_name(record), config.clone());
        let by = rewinding(&run);
        let answer = run.forget(&forget(record, &by).released(weak()), &mut ());
        let certificate = answer.unwrap().release.unwrap().certificate;
        let theorem = certificate.bounds.iter();
        let theorem = theorem
            .clone()
            .find(|b| b.theorem == Theorem::RewindToDelete);
        let bound = theorem.unwrap();
        let constants = bound.constants.iter();
        let exact = constants.clone().map(|constant| match constant.symbol() {
            Symbol::StepRounding => {
                Constant::new(Symbol::StepRounding, 0.0, constant.provenance(), "none").unwrap()
            }
            _ => constant.clone(),
        });
        let exact = SensitivityBound::new(Theorem::RewindToDelete, exact.collect()).unwrap();
        let distance = distance(&mut run);
        assert!(distance <= bound.value, "{distance} > {}", bound.value);
        further += usize::from(distance > exact.value().value());
        assert!(checked(&run, 1).failures().next().is_none());
    }
    assert!(
        further > 0,
        "without rounding the bound would have held too"
    );
}

/// Steps as they are taken, beside the same in binary64: off by no more than the constant counts for
/// the weights (within a ball no larger than they are) and for the longest gradient of a record.
#[test]
fn a_step_is_rounded_by_no_more_than_its_constant() {
    let folder = tempfile::tempdir().unwrap();
    let deep = ModelChoice::Mlp {
        hidden: vec![48; 4],
        activation: Activation::Softplus,
        norm: zoo::Norm::None,
    };
    let models = [ModelChoice::Logistic, ModelChoice::default(), deep];
    for (number, model) in models.into_iter().enumerate() {
        for rate in [0.5, 1e-5] {
            let mut config = descent();
            config.model = model.clone();
            config.training.optimiser = Optimiser::Sgd {
                learning_rate: rate,
                momentum: 0.0,
            };
            (config.training.epochs, config.training.early_checkpoint) = (1, None);
            let penalty = config.training.penalty;
            let seed = config.training.seed;
            let run = trained(&folder.path().join(format!("{number}-{rate}")), config);
            let of = run.model();
            let exactly = of.double_precision().unwrap();
            let start: Vec<f64> = of
                .description()
                .draw(seed)
                .into_iter()
                .map(f64::from)
                .collect();
            let records: Vec<usize> = run.retained().iter().collect();
            let mut gradient = vec![0.0; start.len()];
            let mut longest = 0.0_f64;
            for &record in &records {
                exactly
                    .exact_gradient(&start, &[record], &mut gradient)
                    .unwrap();
                longest = longest.max(norm(&gradient));
            }
            exactly
                .exact_gradient(&start, &records, &mut gradient)
                .unwrap();
            let step = start.iter().zip(&gradient);
            let step = step.map(|(w, g)| w - rate * (g + penalty * w));
            let taken = &run.private_weights().unwrap().parameters;
            let off: Vec<f64> = step.zip(taken).map(|(e, &w)| e - f64::from(w)).collect();
            let units = 64.0 + (records.len() as f64).sqrt();
            let counted = 8.0 * norm(&start) + units * rate * (longest + penalty * norm(&start));
            let found = norm(&off) / 2_f64.powi(-24);
            assert!(
                found > 0.0 && found <= counted,
                "{number}, {rate}: {found} of {counted}"
            );
        }
    }
}

fn norm(of: &[f64]) -> f64 {
    of.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn an_assumption_is_named_and_never_called_proved() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = descent();
    // Three steps, one of them before the checkpoint: a bound below the diameter.
    config.training.epochs = 3;
    config.training.early_checkpoint = Some(1);
    let mut run = trained(&folder.path().join("run"), config);
    let request = forget("0", &rewinding(&run)).released(weak());
    let release = run.forget(&request, &mut ()).unwrap().release.unwrap();
    let guarantee = &release.certificate.guarantee;
    assert_eq!(guarantee.binding, Theorem::RewindToDelete);
    assert_eq!(guarantee.kind, GuaranteeKind::Assumed);
}

#[test]
fn training_that_the_theorem_does_not_speak_of_leaves_the_diameter() {
    let others: [fn(&mut TrainingSettings); 4] = [
        |training| training.optimiser = Optimiser::adam(1e-3),
        |training| training.batch = 64,
        |training| {
            training.optimiser = Optimiser::Sgd {
                learning_rate: 0.02,
                momentum: 0.5,
            }
        },
        |training| training.until_gradient = Some(1e-9),
    ];
    for change in others {
        let folder = tempfile::tempdir().unwrap();
        let mut config = descent();
        change(&mut config.training);
        let mut run = trained(&folder.path().join("run"), config);
        let request = forget("random:40", &rewinding(&run)).released(weak());
        let release = run.forget(&request, &mut ()).unwrap().release.unwrap();
        let theorems: Vec<_> = release
            .certificate
            .bounds
            .iter()
            .map(|b| b.theorem)
            .collect();
        assert_eq!(theorems, [Theorem::BallDiameter]);
    }
}

#[test]
fn a_run_without_a_checkpoint_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(&folder.path().join("run"), small());
    let plain = MethodChoice::named("rewind");
    let refused = run.forget(&forget("0", &plain), &mut ()).unwrap_err();
    assert!(matches!(refused, Error::Unlearn(ModelError::NoCheckpoint)));
    assert!(
        refused.to_string().contains("--early-checkpoint"),
        "{refused}"
    );
    assert!(run.answers().unwrap().is_empty());
}

#[test]
fn noise_that_the_diameter_needs_is_refused_before_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(&folder.path().join("run"), descent());
    let request = forget("0", &MethodChoice::named("rewind")).released(promise(1.0));
    let mut passes = 0;
    let mut count = |_: &Progress| {
        passes += 1;
        ControlFlow::Continue(())
    };
    let refused = run.forget(&request, &mut count).unwrap_err();
    assert!(
        matches!(refused, Error::Release(ReleaseError::Refused(_))),
        "{refused}"
    );
    assert_eq!(passes, 0);
}
