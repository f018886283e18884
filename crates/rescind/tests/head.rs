//! Convex heads: the last layer on frozen public features, with a proved promise.

mod common;

use common::{newton, promise};
use rescind::methods::MethodChoice;
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, verify};
use rescind::{
    Error, ModelChoice, ModelError, NetworkModel, Parameterisation, Run, RunConfig, Scaling,
};
use rescind_network::{Activation, Loss, Network, Weights, zoo};
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};

fn config() -> RunConfig {
    RunConfig {
        model: ModelChoice::Mlp {
            hidden: vec![64],
            activation: Activation::Relu,
            norm: zoo::Norm::None,
        },
        parameterisation: Parameterisation::Head,
        declared_by: Some("A. Smith".to_owned()),
        training: TrainingSettings {
            penalty: 1e-3,
            until_gradient: Some(1e-7),
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

/// A backbone that never saw a record.
fn backbone() -> (Network, Vec<u8>) {
    let relu = Activation::Relu;
    let description = zoo::mlp(&[1, 8, 8], &[64], 10, relu, zoo::Norm::None).unwrap();
    let network = Network::new(description).unwrap();
    let weights = Weights::<f32> {
        parameters: network.initialise(9),
        statistics: Vec::new(),
    };
    let bytes = weights.to_safetensors(&network).unwrap();
    (network, bytes)
}

#[test]
fn a_head_is_forgotten_from_and_released_as_an_ordinary_network() {
    for loss in [Loss::SoftmaxCrossEntropy, Loss::SquaredError] {
        forgotten_from_and_released(loss);
    }
}

fn forgotten_from_and_released(loss: Loss) {
    let folder = tempfile::tempdir().unwrap();
    let (network, public) = backbone();
    let config = || RunConfig { loss, ..config() };
    let mut run = Run::create(folder.path(), config(), Some(&public), &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    drop(run);
    let mut run = Run::create_or_open(folder.path(), config(), Some(&public), &mut ()).unwrap();
    assert!(run.is_trained());
    for (number, request) in (1..).zip(["random:40?seed=1", "class:3"]) {
        let asked = newton(request)
            .by(MethodChoice::named("head"))
            .released(promise(1.0));
        let answer = run.forget(&asked, &mut ()).unwrap();
        let certificate = answer.release.unwrap().certificate;
        assert_eq!(certificate.guarantee.kind, GuaranteeKind::Declared);
        assert_eq!(certificate.guarantee.binding, Theorem::StronglyConvex);
        assert!(!certificate.model.linearised);
        let path = format!("releases/{number:06}/certificate.json");
        let evidence = Evidence {
            run: Some(folder.path().to_owned()),
            recomputed: Some(run.recompute(number).unwrap()),
            ..Evidence::default()
        };
        let report = verify(&std::fs::read(folder.path().join(path)).unwrap(), &evidence);
        assert!(report.holds(), "{report}");
    }
    run.retrain(&mut ()).unwrap();
    let evaluation = run.evaluate(&mut ()).unwrap();
    let (current, retrained) = (evaluation.current, evaluation.retrained.unwrap());
    assert!(current.to_retrained.unwrap() <= 2.0 * 1e-7 / 1e-3);
    let released = evaluation.released.unwrap().test;
    assert!(retrained.test.share_right() > 0.75);
    assert!((released.share_right() - retrained.test.share_right()).abs() < 0.01);

    // Anybody loads it as they load any network, and the backbone in it is the public one.
    let file = folder.path().join("releases/000002/weights.safetensors");
    let w = Weights::<f32>::from_safetensors(&network, &std::fs::read(file).unwrap()).unwrap();
    let data = rescind_data::load(&run.config().unwrap().data, None)
        .unwrap()
        .test;
    let all = rescind_data::Selection::all(data.len());
    let model = NetworkModel {
        loss,
        ..NetworkModel::new(&network)
    };
    let seen = rescind::evaluation::measure(&model, &w.parameters, &data, &all, &mut ()).unwrap();
    assert!((seen.share_right() - released.share_right()).abs() < 1e-9);
    assert!((seen.loss - released.loss).abs() < 1e-6);
    let public: Vec<f32> = network.initialise(9);
    // To the last bit: no record moved it, so no noise covers it.
    let own = network.parameters()[2].range.start..public.len();
    let places = (0..public.len()).filter(|place| !own.contains(place));
    let frozen: Vec<usize> = places.collect();
    let same = |&place: &usize| w.parameters[place].to_bits() == public[place].to_bits();
    assert!(frozen.iter().all(same));
    assert_eq!(run.model().description().frozen(), frozen.len());
    // On the layer there is as much as is stated.
    let private = run.private_weights().unwrap();
    let certificate = run.newest_certificate().unwrap();
    let noise: f64 = own
        .clone()
        .map(|place| f64::from(w.parameters[place] - private.parameters[place]).powi(2))
        .sum();
    let spread = (noise / own.len() as f64).sqrt() / certificate.noise.sigma.value();
    assert!((0.8..1.25).contains(&spread), "{spread}");
}

#[test]
fn what_could_not_be_proved_is_refused() {
    let (_, public) = backbone();
    let refused = |config: RunConfig, centre: Option<&[u8]>| {
        let folder = tempfile::tempdir().unwrap();
        match Run::create(folder.path(), config, centre, &mut ()) {
            Err(Error::Unlearn(ModelError::NotProvable { reason })) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    };
    assert!(refused(config(), None).contains("needs a backbone"));
    let undeclared = RunConfig {
        declared_by: None,
        ..config()
    };
    assert!(refused(undeclared, Some(&public)).contains("nobody declares"));
    let moving = RunConfig {
        scaling: Scaling::Computed,
        ..config()
    };
    assert!(refused(moving, Some(&public)).contains("frozen backbone"));
    let all_weights = RunConfig {
        parameterisation: Parameterisation::Full,
        loss: Loss::SquaredError,
        ..config()
    };
    assert!(refused(all_weights, Some(&public)).contains("squared error"));
    let mut bent = zoo::mlp(&[1, 8, 8], &[64], 10, Activation::Relu, zoo::Norm::None).unwrap();
    bent.nodes.push(rescind_network::NodeDescription {
        name: "bend".to_owned(),
        layer: rescind_network::Layer::Activation {
            function: Activation::Relu,
        },
        inputs: vec![bent.output.clone()],
    });
    bent.output = "bend".to_owned();
    let bent = RunConfig {
        model: ModelChoice::Description { network: bent },
        ..config()
    };
    assert!(refused(bent, Some(&public)).contains("not a linear layer"));
}
