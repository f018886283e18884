//! Heads whose requests are answered from their own records: the bound that is told against the
//! gradient over all records, and where they end against training afresh.

mod common;

use common::{network, promise};
use rescind::methods::MethodChoice;
use rescind::methods::descent::DescentReport;
use rescind::training::{TrainingEnding, TrainingSettings};
use rescind::verify::{Evidence, verify};
use rescind::{
    Answer, Error, ModelChoice, ModelError, Parameterisation, Phase, Progress, Request, Run,
    RunConfig,
};
use rescind_curvature::norm;
use rescind_network::{Activation, Loss, Network, Weights, zoo};
use std::ops::ControlFlow;
use std::path::Path;

const MU: f64 = 0.1;
const G: f64 = 1e-3;
const LOSSES: [Loss; 2] = [Loss::SoftmaxCrossEntropy, Loss::SquaredError];

/// Regression on the digits.
fn config(loss: Loss) -> RunConfig {
    RunConfig {
        model: ModelChoice::Logistic,
        parameterisation: Parameterisation::Tangent,
        loss,
        training: TrainingSettings {
            penalty: MU,
            until_gradient: Some(G),
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

fn prepared(root: &Path, config: RunConfig) -> Run {
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let made = run.refresh(&mut ()).unwrap();
    assert_eq!(made.records, run.retained().len());
    assert!(made.gradient_norm <= G);
    run
}

fn forget(run: &mut Run, request: &str) -> Answer {
    let request = Request::of(request.parse().unwrap()).by(MethodChoice::named("descent"));
    run.forget(&request, &mut ()).unwrap()
}

fn report(answer: &Answer) -> DescentReport {
    answer.record.method.details().unwrap()
}

/// The private weights, in binary64.
fn exact(run: &Run) -> Vec<f64> {
    let states = run.root().join("private/state");
    let names = std::fs::read_dir(&states).unwrap();
    let names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let newest = names.filter(|name| name.parse::<u64>().is_ok()).max();
    let bytes = std::fs::read(states.join(newest.unwrap()).join("exact.safetensors")).unwrap();
    let weights: Weights<f64> = Weights::from_safetensors(network(run), &bytes).unwrap();
    weights.parameters
}

/// `‖∇F‖` over the records that stay.
fn true_gradient(run: &Run) -> f64 {
    let w = exact(run);
    let mut gradient = vec![0.0; w.len()];
    let objective = run.objective(run.retained(), &[]).unwrap();
    objective.exact_gradient(&w, &mut gradient).unwrap();
    norm(&gradient)
}

fn stated(run: &Run) -> f64 {
    match run.state().unwrap().progress.ending {
        Some(TrainingEnding::GradientReached { gradient_norm }) => gradient_norm,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn every_bound_holds_and_most_requests_read_no_other_record() {
    for loss in LOSSES {
        let folder = tempfile::tempdir().unwrap();
        let mut run = prepared(folder.path(), config(loss));
        let mut passes = 0;
        for number in 0..60 {
            let request = match number % 20 {
                19 => "random:100?seed=3".to_owned(),
                own => format!("random:1?seed={number}{own}"),
            };
            let report = report(&forget(&mut run, &request));
            assert!(report.prepared, "{loss:?} {number}");
            passes += report.effort.exact_gradients;
            assert_eq!(report.effort.products, 0);
            let (bound, truth) = (stated(&run), true_gradient(&run));
            assert!(
                truth <= bound && bound <= G,
                "{loss:?} {number}: {truth:e} {bound:e}"
            );
            // The session is left now and then, and what is kept is read again.
            if number % 7 == 6 {
                drop(run);
                run = Run::open(folder.path()).unwrap();
            }
        }
        match loss {
            Loss::SquaredError => assert_eq!(passes, 0),
            Loss::SoftmaxCrossEntropy => assert!((1..30).contains(&passes), "{passes}"),
        }
        let request = Request::of("random:5?seed=9".parse().unwrap()).released(promise(1.0));
        let answer = run.forget(&request, &mut ()).unwrap();
        assert!(report(&answer).prepared);
        let evidence = Evidence {
            run: Some(folder.path().to_owned()),
            recomputed: Some(run.recompute(61).unwrap()),
            ..Evidence::default()
        };
        let path = folder.path().join("releases/000061/certificate.json");
        let checks = verify(&std::fs::read(path).unwrap(), &evidence);
        assert!(checks.holds(), "{checks}");
        assert!(
            checks.to_string().contains("comes out no larger"),
            "{checks}"
        );
    }
}

#[test]
fn a_quadratic_head_ends_where_training_afresh_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = prepared(folder.path(), config(Loss::SquaredError));
    for number in 0..300 {
        let request = match number % 50 {
            49 => format!("random:10?seed={number}"),
            _ => format!("random:1?seed={number}"),
        };
        assert!(report(&forget(&mut run, &request)).prepared);
    }
    // The minimum over the records that stay lies no further than this, whatever led here.
    let distance = true_gradient(&run) / MU;
    let length = norm(&exact(&run));
    assert!(distance / length < 1e-10, "{:e}", distance / length);
}

/// A backbone that never saw a record, and a head on it.
fn head(loss: Loss) -> (RunConfig, Vec<u8>) {
    let model = ModelChoice::Mlp {
        hidden: vec![24],
        activation: Activation::Tanh,
        norm: zoo::Norm::None,
    };
    let description = zoo::mlp(&[1, 8, 8], &[24], 10, Activation::Tanh, zoo::Norm::None).unwrap();
    let backbone = Network::new(description).unwrap();
    let weights = Weights::<f32> {
        parameters: backbone.initialise(9),
        statistics: Vec::new(),
    };
    let config = RunConfig {
        model,
        parameterisation: Parameterisation::Head,
        declared_by: Some("A. Smith".to_owned()),
        ..config(loss)
    };
    (config, weights.to_safetensors(&backbone).unwrap())
}

#[test]
fn a_head_on_a_network_is_prepared_too() {
    for loss in LOSSES {
        let folder = tempfile::tempdir().unwrap();
        let (config, backbone) = head(loss);
        let mut run = Run::create(folder.path(), config, Some(&backbone), &mut ()).unwrap();
        run.train(&mut ()).unwrap();
        run.refresh(&mut ()).unwrap();
        for request in ["random:3?seed=1", "class:7", "random:40?seed=2"] {
            assert!(report(&forget(&mut run, request)).prepared, "{loss:?}");
            let (bound, truth) = (stated(&run), true_gradient(&run));
            assert!(truth <= bound && bound <= G, "{truth:e} {bound:e}");
        }
    }
}

#[test]
fn what_is_kept_is_of_these_weights_and_leaves_with_the_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = prepared(folder.path(), config(Loss::SquaredError));
    let kept = folder.path().join("private/kept");
    let names = || {
        let entries = std::fs::read_dir(&kept).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    assert_eq!(names().len(), 2, "{:?}", names());
    for number in 0..5 {
        forget(&mut run, &format!("random:2?seed={number}"));
        // A factor and the sums: those from before would tell who went.
        assert_eq!(names().len(), 2, "{:?}", names());
    }
    // Another method moves the weights: what was kept is not of them.
    let retrain = Request::of("random:1?seed=77".parse().unwrap());
    let retrain = retrain.by(MethodChoice::named("retrain"));
    run.forget(&retrain, &mut ()).unwrap();
    assert!(!report(&forget(&mut run, "random:1?seed=78")).prepared);
    run.refresh(&mut ()).unwrap();
    assert!(report(&forget(&mut run, "random:1?seed=79")).prepared);
    assert!(!run.purge().unwrap().is_empty());
    assert_eq!(names(), Vec::<String>::new());
    assert!(!report(&forget(&mut run, "random:1?seed=80")).prepared);

    // Damaged, it is none.
    run.refresh(&mut ()).unwrap();
    drop(run);
    for name in names() {
        let file = kept.join(name);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    let mut run = Run::open(folder.path()).unwrap();
    assert!(!report(&forget(&mut run, "random:1?seed=81")).prepared);
}

/// What a kill leaves between the ledger's transaction and the removal that follows it.
#[test]
fn sums_of_before_a_request_do_not_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = prepared(folder.path(), config(Loss::SquaredError));
    let kept = folder.path().join("private/kept");
    let names = || {
        let entries = std::fs::read_dir(&kept).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let head = names()
        .into_iter()
        .find(|name| name.to_str().unwrap().starts_with("head-"))
        .unwrap();
    let before = folder.path().join("before");
    std::fs::copy(kept.join(&head), &before).unwrap();
    forget(&mut run, "5-7");
    let after = names();
    assert!(!after.contains(&head), "{after:?}");
    drop(run);
    for name in [head.to_str().unwrap(), "head-0.bin.partial", "sums-0.bin"] {
        std::fs::copy(&before, kept.join(name)).unwrap();
    }
    drop(Run::open(folder.path()).unwrap());
    assert_eq!(names(), after);
}

#[test]
fn preparing_that_is_broken_off_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::create(
        folder.path(),
        config(Loss::SoftmaxCrossEntropy),
        None,
        &mut (),
    )
    .unwrap();
    let untrained = run.refresh(&mut ());
    assert!(matches!(untrained, Err(Error::NothingTrained { .. })));
    run.train(&mut ()).unwrap();
    let mut stop = |progress: &Progress| match progress.phase {
        Phase::Precondition => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let broken = run.refresh(&mut stop);
    assert!(matches!(
        broken,
        Err(Error::Unlearn(ModelError::Interrupted { .. }))
    ));
    run.refresh(&mut ()).unwrap();
    assert!(report(&forget(&mut run, "random:1?seed=1")).prepared);
}

#[test]
fn what_cannot_be_prepared_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let deep = RunConfig {
        model: ModelChoice::Mlp {
            hidden: vec![4],
            activation: Activation::Tanh,
            norm: zoo::Norm::None,
        },
        ..config(Loss::SquaredError)
    };
    let mut run = Run::create(folder.path(), deep, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    match run.refresh(&mut ()) {
        Err(Error::Unlearn(ModelError::NotPrepared { reason })) => {
            assert!(reason.contains("single layer"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

/// What large records leave behind in rounding when they go is in the bound.
#[test]
fn large_records_may_leave() {
    for (outlier, others, effect, penalty, bound) in [
        (12345.6, 200, 5e-3, 0.5, 3e-5),
        (5003.1, 40, 2e-3, 0.5, 1e-4),
        (7001.3, 200, 5e-3, 0.5, 3e-5),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("table.csv");
        // Both classes at both ends, so that they cancel in the gradient.
        let mut text = "class,f,g\n".to_owned();
        for f in [outlier, -outlier] {
            text += &format!("a,{f},0\nb,{f},0\n");
        }
        let mut state = 1_u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 24)
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        for _ in 0..others / 4 {
            let (v, g) = (normal(), normal());
            for (class, side) in [("a", effect), ("b", -effect)] {
                for sign in [1.0, -1.0] {
                    text += &format!("{class},{},{g}\n", sign * v + side);
                }
            }
        }
        std::fs::write(&table, text).unwrap();
        let config = RunConfig {
            data: format!("csv:{}?label=class&test=0", table.display())
                .parse()
                .unwrap(),
            classes: Some(vec!["a".to_owned(), "b".to_owned()]),
            training: TrainingSettings {
                penalty,
                until_gradient: Some(bound),
                ..TrainingSettings::default()
            },
            ..config(Loss::SoftmaxCrossEntropy)
        };
        let root = folder.path().join("run");
        let mut run = Run::create(&root, config, None, &mut ()).unwrap();
        run.train(&mut ()).unwrap();
        run.refresh(&mut ()).unwrap();
        for request in ["0-3", "10", "11-14"] {
            forget(&mut run, request);
            let (stated, truth) = (stated(&run), true_gradient(&run));
            assert!(truth <= stated && stated <= bound, "{truth:e} {stated:e}");
        }
    }
}

/// A NumPy file of these numbers, a record a row.
fn npy(kind: &str, shape: &str, data: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    let start = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    start.into_iter().chain(data).collect()
}

#[test]
fn a_run_that_is_opened_anew_reads_the_records_of_the_request_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    let number = |row: usize, column: usize| ((7 * row + 3 * column * row) % 17) as f32 / 8.0 - 1.0;
    let class = |row: usize| u8::from(number(row, 0) + number(row, 2) > 0.0);
    let values = |gone: Option<usize>| {
        // All but one are no numbers any more.
        let value = move |row: usize, column: usize| match gone.is_some_and(|left| row != left) {
            true => f32::NAN,
            false => number(row, column),
        };
        let rows = (0..200).flat_map(move |row| (0..4).map(move |column| value(row, column)));
        npy("<f4", "(200, 4)", rows.flat_map(f32::to_le_bytes))
    };
    std::fs::write(&x, values(None)).unwrap();
    std::fs::write(&y, npy("|u1", "(200,)", (0..200).map(class))).unwrap();
    let backbone = || {
        let norm = zoo::Norm::None;
        let layers = zoo::mlp(&[4], &[6], 2, Activation::Tanh, norm).unwrap();
        let network = Network::new(layers).unwrap();
        let weights = Weights::<f32> {
            parameters: network.initialise(5),
            statistics: Vec::new(),
        };
        weights.to_safetensors(&network).unwrap()
    };
    let kinds = LOSSES
        .into_iter()
        .flat_map(|loss| [(loss, false), (loss, true)]);
    for (loss, is_head) in kinds {
        let source = format!("npy:{}?label={}&test=0.2", x.display(), y.display());
        let config = RunConfig {
            data: source.parse().unwrap(),
            ..config(loss)
        };
        let config = match is_head {
            false => config,
            true => RunConfig {
                model: ModelChoice::Mlp {
                    hidden: vec![6],
                    activation: Activation::Tanh,
                    norm: zoo::Norm::None,
                },
                parameterisation: Parameterisation::Head,
                declared_by: Some("us".to_owned()),
                ..config
            },
        };
        let made = |name: &str| {
            let root = folder.path().join(format!("{name}-{loss:?}-{is_head}"));
            let centre = is_head.then(backbone);
            let mut run = Run::create(&root, config.clone(), centre.as_deref(), &mut ()).unwrap();
            run.train(&mut ()).unwrap();
            run.refresh(&mut ()).unwrap();
            (run, root)
        };
        let ((mut warm, _), (_, cold)) = (made("warm"), made("cold"));
        let at = warm.manifest().len() / 2;
        let line = rescind_data::load(&warm.config().unwrap().data, None).unwrap();
        let row_of_it = line.train.lines().unwrap()[at] as usize - 1;
        let asked = at.to_string();
        let answer = forget(&mut warm, &asked);
        assert!(answer.record.effect.is_some() && report(&answer).prepared);
        if report(&answer).effort.exact_gradients > 0 {
            // The bound asks for a pass, which needs all of them.
            assert_eq!(loss, Loss::SoftmaxCrossEntropy);
            continue;
        }
        std::fs::write(&x, values(Some(row_of_it))).unwrap();
        let mut run = Run::open(&cold).unwrap();
        let without = forget(&mut run, &asked);
        std::fs::write(&x, values(None)).unwrap();
        assert!(report(&without).prepared);
        assert_eq!(report(&without).effort.exact_gradients, 0);
        assert!(without.record.effect.is_none(), "it was looked at others");
        assert_eq!(exact(&run), exact(&warm));
        assert!(true_gradient(&run) <= stated(&run));
        // Where the record is no longer in its row, all are read.
        let other = (at + 1).to_string();
        std::fs::write(&x, values(Some(row_of_it))).unwrap();
        drop(run);
        let mut run = Run::open(&cold).unwrap();
        let request = Request::of(other.parse().unwrap());
        let error = run.forget(&request, &mut ()).unwrap_err();
        std::fs::write(&x, values(None)).unwrap();
        assert!(error.to_string().contains("not finite"), "{error}");
        let answer = forget(&mut run, &other);
        assert!(report(&answer).prepared);
    }
}
