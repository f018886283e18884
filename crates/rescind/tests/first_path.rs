//! The first thing anybody does: train on the digits, forget some, compare with retraining.

use rescind::evaluation::{distance, measure};
use rescind::methods::newton::{self, NewtonSettings, NewtonTask};
use rescind::training::{Trainer, TrainingEnding, TrainingSettings};
use rescind::{
    Ball, Classifier, ClassifierParts, Measured, NetworkModel, NetworkObjective, Parameterisation,
    Records, Scaling,
};
use rescind_data::{DataSource, Digest, HeldOut, Manifest, RecordRequest, Selection, load};
use rescind_network::{Activation, Loss, Network, zoo};
use std::sync::Arc;

#[test]
fn a_newton_step_forgets_what_retraining_never_saw() {
    let source = DataSource::Digits;
    let data = load(&source, None).unwrap();
    let manifest = Manifest::new(
        &data.train,
        source.to_string(),
        Digest::from([1; 32]),
        HeldOut::NONE,
    );
    let manifest = Arc::new(manifest.unwrap());
    let (records, shape) = (data.train.len(), data.train.input_shape());
    let mlp = zoo::mlp(shape, &[32, 32], 10, Activation::Relu, zoo::Norm::None).unwrap();
    let network = Network::new(mlp).unwrap();
    let model = NetworkModel::new(&network);
    let ball = Ball::new(20.0, None).unwrap();
    let settings = TrainingSettings {
        epochs: 40,
        batch: 32,
        ..TrainingSettings::default()
    };

    let all = Selection::all(records);
    let request = RecordRequest::Random {
        count: 100,
        seed: 0,
    };
    let forget = request.resolve(&manifest, &all).unwrap();
    let retain = all.difference(&forget).unwrap();
    let none = Selection::none(records);
    let scaling = Scaling::None;
    let constants = scaling.constants(&source, &data.train, &all).unwrap();
    let records = Records::of(data.clone(), source, Arc::clone(&manifest), constants).unwrap();
    let classifier = Classifier::new(ClassifierParts {
        network: network.clone(),
        records,
        scaling,
        parameterisation: Parameterisation::Full,
        loss: Loss::default(),
        centre: None,
    })
    .unwrap();
    let train = |on: &Selection| {
        let trainer = Trainer {
            model: &classifier,
            train: on,
            validation: &none,
            settings: &settings,
            ball: &ball,
        };
        let mut state = trainer.start().unwrap();
        let mut saves = 0;
        let mut save = |_: &_| {
            saves += 1;
            Ok(())
        };
        trainer.run(&mut state, &mut save, &mut ()).unwrap();
        assert_eq!(state.progress.ending, Some(TrainingEnding::EpochsDone));
        assert_eq!((saves, state.progress.history.len()), (40, 40));
        state.weights.parameters
    };
    let (original, retrained) = (train(&all), train(&retain));
    let forgotten = |w: &[f32]| measure(&model, w, &data.train, &forget, &mut ()).unwrap();
    let test = |w: &[f32]| -> Measured {
        measure(
            &model,
            w,
            &data.test,
            &Selection::all(data.test.len()),
            &mut (),
        )
        .unwrap()
    };

    let outcome = newton::step(
        &NewtonTask {
            weights: &original,
            retain: &NetworkObjective::new(&model, &data.train, &retain).unwrap(),
            forget: Some(&NetworkObjective::new(&model, &data.train, &forget).unwrap()),
            forgotten: forget.len(),
            ball: &ball,
            gradient_stop: None,
            batch_norm: false,
            kept: None,
        },
        &NewtonSettings::default(),
        &mut (),
    )
    .unwrap();

    let (before, after) = (forgotten(&original), forgotten(&outcome.weights));
    let never_seen = forgotten(&retrained);
    // Training left its mark on these records; the step takes most of it away.
    assert!(
        before.loss < 0.8 * never_seen.loss,
        "{before:?} {never_seen:?}"
    );
    let within = 0.5 * never_seen.loss..2.0 * never_seen.loss;
    assert!(
        within.contains(&after.loss),
        "{before:?} {after:?} {never_seen:?}"
    );
    let gap = |measured: Measured| (measured.loss.ln() - never_seen.loss.ln()).abs();
    assert!(
        gap(after) < gap(before),
        "{before:?} {after:?} {never_seen:?}"
    );
    assert!(test(&outcome.weights).share_right() > test(&original).share_right() - 0.01);
    assert!(test(&original).share_right() > 0.93);
    // Nothing rests on a check in double precision, so none was made.
    assert!(outcome.report.check.is_none());
    assert!(outcome.report.solver_residual <= 0.1 * outcome.report.right_hand_side);
    assert_eq!(outcome.candidates.len(), 1);
    assert!((outcome.candidates[0].value().value() - 40.0).abs() < 1e-9);
    assert!(distance(&original, &outcome.weights) <= outcome.report.step_norm * (1.0 + 1e-5));
}
