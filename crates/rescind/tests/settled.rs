//! Decisions that forgetting provably left as they are: against training afresh, and against the
//! nearest weights that decide otherwise.

mod common;

use common::promise;
use rand::{RngExt, SeedableRng};
use rescind::training::TrainingSettings;
use rescind::{
    Code, Error, InputDecision, ModelChoice, ModelError, Parameterisation, Request, Run, RunConfig,
};
use rescind_data::Dataset;
use rescind_network::{Activation, Loss, Network, Weights, zoo};
use rescind_privacy::sensitivity::GuaranteeKind;

const MU: f64 = 0.01;
const G: f64 = 1e-4;

fn mlp() -> ModelChoice {
    ModelChoice::Mlp {
        hidden: vec![12],
        activation: Activation::Tanh,
        norm: zoo::Norm::None,
    }
}

fn config(model: ModelChoice, parameterisation: Parameterisation, loss: Loss) -> RunConfig {
    RunConfig {
        model,
        parameterisation,
        loss,
        declared_by: (parameterisation == Parameterisation::Head).then(|| "A. Smith".to_owned()),
        training: TrainingSettings {
            penalty: MU,
            until_gradient: Some(G),
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

fn backbone() -> Vec<u8> {
    let layers = zoo::mlp(&[1, 8, 8], &[12], 10, Activation::Tanh, zoo::Norm::None).unwrap();
    let network = Network::new(layers).unwrap();
    let weights = Weights::<f32> {
        parameters: network.initialise(9),
        statistics: Vec::new(),
    };
    weights.to_safetensors(&network).unwrap()
}

fn kinds() -> Vec<(RunConfig, Option<Vec<u8>>)> {
    let cross = Loss::SoftmaxCrossEntropy;
    let tangent = Parameterisation::Tangent;
    vec![
        (config(ModelChoice::Logistic, tangent, cross), None),
        (
            config(ModelChoice::Logistic, tangent, Loss::SquaredError),
            None,
        ),
        (config(mlp(), tangent, cross), None),
        (
            config(mlp(), Parameterisation::Head, cross),
            Some(backbone()),
        ),
    ]
}

fn wide(w: &[f32]) -> Vec<f64> {
    w.iter().map(|&w| f64::from(w)).collect()
}

/// The classes that these weights give the inputs, by the network itself.
fn classes(run: &Run, w: &[f32]) -> Vec<u32> {
    let classifier = run.classifier().unwrap();
    let test = classifier.test_records().unwrap();
    let model = classifier.model(Vec::new(), MU);
    let outputs = model.logits(w, test.inputs()).unwrap();
    let k = test.class_names().len();
    let greatest = |row: &[f32]| {
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.unwrap().0 as u32
    };
    outputs.chunks_exact(k).map(greatest).collect()
}

#[test]
fn what_is_settled_a_model_trained_afresh_decides_so_too() {
    for (config, centre) in kinds() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let mut run = Run::create(&root, config.clone(), centre.as_deref(), &mut ()).unwrap();
        run.train(&mut ()).unwrap();
        let forget = Request::of("0-99,500".parse().unwrap()).released(promise(1.0));
        run.forget(&forget, &mut ()).unwrap();
        let told = run.decisions(None, &mut ()).unwrap();
        let test = run.classifier().unwrap().test_records().unwrap().len();
        assert_eq!(told.inputs.len(), test);
        assert!((told.within - 2.0 * G / MU).abs() < 1e-12);
        // A backbone that somebody vouches for is nothing proved.
        let expected = match config.parameterisation {
            Parameterisation::Head => GuaranteeKind::Declared,
            _ => GuaranteeKind::Proved,
        };
        assert_eq!(told.kind, expected, "{config:?}");
        let settled: Vec<bool> = told.inputs.iter().map(|one| one.settled).collect();
        let share = settled.iter().filter(|&&one| one).count() as f64 / test as f64;
        assert!(share > 0.5, "{config:?}: {share}");
        for one in &told.inputs {
            assert!(!one.settled || one.distance > told.within);
            assert!(one.settled || one.distance < 1.001 * told.within);
        }
        // From the start without them.
        run.retrain(&mut ()).unwrap();
        let reference = run
            .private_model(rescind::PrivateModel::Retrained)
            .unwrap()
            .unwrap();
        let afresh = classes(&run, &reference.parameters);
        let own = classes(&run, &run.private_weights().unwrap().parameters);
        let released = classes(&run, &run.released_model().unwrap().unwrap().parameters);
        for (at, one) in told.inputs.iter().enumerate() {
            assert_eq!(one.released, Some(released[at]), "{at} of {config:?}");
            if one.settled {
                assert_eq!((one.class, one.class), (own[at], afresh[at]), "{at}");
            }
        }
        assert!(told.inputs.iter().all(|one| one.original.is_some()));
        // Once there is another request, the release is not of the same records any more.
        let more = Request::of("700".parse().unwrap());
        run.forget(&more, &mut ()).unwrap();
        let told = run.decisions(None, &mut ()).unwrap();
        assert!(
            told.inputs
                .iter()
                .all(|one: &InputDecision| one.released.is_none())
        );
    }
}

/// Where the distance is said to be, another class is on a par, and not before: along random
/// directions never, along the worst one there.
#[test]
fn the_distance_is_that_of_the_nearest_weights_that_decide_otherwise() {
    for (config, centre) in kinds() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let mut run = Run::create(&root, config, centre.as_deref(), &mut ()).unwrap();
        run.train(&mut ()).unwrap();
        let classifier = run.classifier().unwrap();
        let test = classifier.test_records().unwrap();
        let w: Vec<f64> = wide(&run.private_weights().unwrap().parameters);
        let single = |at: usize| {
            let (shape, names) = (test.input_shape().to_vec(), test.class_names().to_vec());
            let input = test.input(at).unwrap().to_vec();
            Dataset::new("one", shape, names, input, vec![0]).unwrap()
        };
        let own = classifier.decisions(test, &w, &mut ()).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for at in [0, 7, 100] {
            let one = own[at];
            // Random directions of just less than that length change nothing.
            for _ in 0..20 {
                let direction: Vec<f64> = w.iter().map(|_| rng.random::<f64>() - 0.5).collect();
                let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
                let moved: Vec<f64> = w
                    .iter()
                    .zip(&direction)
                    .map(|(w, d)| w + 0.999 * one.distance * d / length)
                    .collect();
                let there = classifier.decisions(&single(at), &moved, &mut ()).unwrap()[0];
                assert_eq!(there.class, one.class);
                // Nor does it bring the border nearer by more than its length.
                assert!(there.distance >= 0.000_999 * one.distance);
            }
            // Downhill, by finite differences of the distance itself, the border is where it is said.
            let only = single(at);
            let step = 1e-4 * one.distance;
            let gradient: Vec<f64> = (0..w.len())
                .map(|i| {
                    let at_step = |sign: f64| {
                        let mut moved = w.clone();
                        moved[i] += sign * step;
                        classifier.decisions(&only, &moved, &mut ()).unwrap()[0].distance
                    };
                    (at_step(1.0) - at_step(-1.0)) / (2.0 * step)
                })
                .collect();
            let length = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
            assert!((length - 1.0).abs() < 1e-4, "{length}");
            let moved = |far: f64| -> Vec<f64> {
                let pairs = w.iter().zip(&gradient);
                pairs
                    .map(|(w, g)| w - far * one.distance * g / length)
                    .collect()
            };
            let class =
                |far: f64| classifier.decisions(&only, &moved(far), &mut ()).unwrap()[0].class;
            assert_eq!(class(0.999), one.class);
            assert_ne!(class(1.001), one.class);
        }
    }
}

#[test]
fn a_model_without_a_proof_has_no_settled_decisions() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(mlp(), Parameterisation::Full, Loss::SoftmaxCrossEntropy);
    config.training = TrainingSettings {
        epochs: 1,
        ..TrainingSettings::default()
    };
    let mut run = Run::create(&folder.path().join("run"), config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let error = run.decisions(None, &mut ()).unwrap_err();
    assert!(
        matches!(error, Error::Unlearn(ModelError::NotProvable { .. })),
        "{error}"
    );
}

/// An array of numbers.
fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape})}}");
    let header = format!("{header:117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Six columns' names are enough to say that rows mean something else.
#[test]
fn inputs_of_other_columns_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, header: &str| {
        let rows = (0..60).map(|i| format!("{},{},{}\n", i % 7, 10 * (i % 5), i % 2));
        let text = format!("{header}\n{}", rows.collect::<String>());
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let own = write("own.csv", "age,income,kind");
    let config = RunConfig {
        data: format!("csv:{own}?label=kind&missing=mark&range=age:0:7")
            .parse()
            .unwrap(),
        ..config(
            ModelChoice::Logistic,
            Parameterisation::Tangent,
            Loss::SoftmaxCrossEntropy,
        )
    };
    let mut run = Run::create(&folder.path().join("run"), config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let told = |path: &str, options: &str, run: &Run| {
        let source = format!("csv:{path}?label=kind{options}").parse().unwrap();
        run.decisions(Some(&source), &mut ())
    };
    let same = write("same.csv", "age,income,kind");
    assert!(told(&same, "&missing=mark&range=age:0:7", &run).is_ok());
    let swapped = write("swapped.csv", "income,age,kind");
    let arrays = folder.path().join("rows.npy");
    std::fs::write(&arrays, npy("<f4", "3, 4", &[0; 48])).unwrap();
    std::fs::write(
        folder.path().join("kinds.npy"),
        npy("|u1", "3,", &[0, 1, 0]),
    )
    .unwrap();
    let arrays = format!("npy:{}?label=kinds.npy&test=0", arrays.display());
    let refused = run
        .decisions(Some(&arrays.parse().unwrap()), &mut ())
        .unwrap_err();
    assert_eq!(refused.code(), Code::ModelDoesNotFit, "{refused}");
    for (path, options, named) in [
        (
            &swapped,
            "&missing=mark&range=age:0:7",
            "income, range=age:0:7",
        ),
        (&same, "&missing=mark&range=age:0:8", "range=age:0:8"),
        (&same, "&missing=mark", "are age, income"),
        (&same, "&missing=3&range=age:0:7", "missing=3"),
    ] {
        let refused = told(path, options, &run).unwrap_err();
        assert_eq!(refused.code(), Code::ModelDoesNotFit, "{refused}");
        assert!(refused.to_string().contains(named), "{refused}");
    }
}

/// Constants that are computed move with every request: nothing is measured under another's.
#[test]
fn a_model_is_measured_under_the_scaling_it_was_trained_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    // The rows to forget are a hundred times as large, so that the constants move far.
    let rows = (0..200).map(|i| {
        let scale = if i < 40 { 100.0 } else { 1.0 };
        let x = f64::from(i % 13) - 6.0;
        format!("{},{}\n", scale * x, u8::from(x > 0.0))
    });
    std::fs::write(&path, format!("x,kind\n{}", rows.collect::<String>())).unwrap();
    let config = RunConfig {
        data: format!("csv:{}?label=kind", path.display())
            .parse()
            .unwrap(),
        scaling: rescind::Scaling::Computed,
        ..config(
            ModelChoice::Logistic,
            Parameterisation::Tangent,
            Loss::SoftmaxCrossEntropy,
        )
    };
    let mut run = Run::create(&folder.path().join("run"), config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let before = run.evaluate(&mut ()).unwrap();
    let request = Request::of("0-39".parse().unwrap());
    let answer = run.forget(&request, &mut ()).unwrap();
    let effect = answer.record.effect.unwrap();
    assert_eq!(effect.test_before, before.current.test);
    let after = run.evaluate(&mut ()).unwrap();
    assert_eq!(effect.test_after, after.current.test);
    assert_eq!(after.original.unwrap().test, before.original.unwrap().test);
    run.release(&promise(1.0), &mut ()).unwrap();
    assert!(run.evaluate(&mut ()).unwrap().released.is_some());
    run.forget(&Request::of("100".parse().unwrap()), &mut ())
        .unwrap();
    assert!(run.evaluate(&mut ()).unwrap().released.is_none());
}
