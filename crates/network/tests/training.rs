//! Batch norm in training mode.

mod support;

use rescind_network::zoo::{self, Norm};
use rescind_network::{
    Activation, Batch, Evaluator, Execution, Loss, Network, NetworkError, Penalty,
};
use std::sync::Arc;
use support::{along, derivative, direction, dot, labels, random, relative_error};

/// The training loss depends on the weights through the batch's statistics too: its gradient against
/// differences of its value.
#[test]
fn gradient_through_batch_statistics() {
    for description in [
        zoo::mlp(&[5], &[7, 6], 3, Activation::Tanh, Norm::Batch).unwrap(),
        zoo::allcnn(&[2, 6, 6], 3, Activation::Silu, Norm::Batch).unwrap(),
    ] {
        let network = Network::new(description).unwrap();
        let d = network.parameter_count();
        let w = along(&network.initialise(1), 0.05, &random(2, d));
        let records = 12;
        let inputs = random(3, records * network.input_shape().len());
        let classes = labels(4, records, 3);
        let batch = Batch::classes(&inputs, &classes);
        let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
            .with_penalty(Penalty::new(0.01).unwrap())
            .unwrap();
        let pass = |w: &[f64]| {
            let mut gradient = vec![0.0; d];
            let mut running = network.initial_statistics();
            let loss = evaluator
                .training_gradient(w, batch, &mut gradient, &mut running, 0.1)
                .unwrap();
            (loss, gradient, running)
        };
        let v = direction(5, d);
        let slope = derivative(1e-3, |t| vec![pass(&along(&w, t, &v)).0]);
        let (_, gradient, running) = pass(&w);
        let error = (dot(&gradient, &v) - slope[0]).abs() / slope[0].abs();
        assert!(error <= 1e-6, "off by {error:e}");

        // With the batch's own (biased) statistics frozen, inference gives the training loss.
        let full = evaluator.batch_statistics(&w, &inputs).unwrap();
        let expected: Vec<f64> = network
            .initial_statistics::<f64>()
            .iter()
            .zip(&full)
            .map(|(start, full)| start + 0.1 * (full - start))
            .collect();
        assert!(relative_error(&running, &expected) < 1e-12);
    }
}

#[test]
fn frozen_batch_statistics_reproduce_the_training_loss() {
    let network =
        Network::new(zoo::mlp(&[4], &[6], 3, Activation::Gelu, Norm::Batch).unwrap()).unwrap();
    let w: Vec<f64> = network.initialise(1);
    let records = 9;
    let (inputs, classes) = (random(2, records * 4), labels(3, records, 3));
    let batch = Batch::classes(&inputs, &classes);
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
    let (mut gradient, mut running) = (vec![0.0; w.len()], network.initial_statistics());
    let loss = evaluator
        .training_gradient(&w, batch, &mut gradient, &mut running, 1.0)
        .unwrap();
    // `running` now holds the unbiased variance; training normalised by the biased one.
    let half = running.len() / 2;
    let biased: Vec<f64> = running
        .iter()
        .enumerate()
        .map(|(i, s)| {
            if i < half {
                *s
            } else {
                s * (records - 1) as f64 / records as f64
            }
        })
        .collect();
    let frozen = Evaluator::new(&network, Loss::SoftmaxCrossEntropy).with_statistics(biased);
    let again = frozen.unwrap().loss(&w, batch).unwrap();
    assert!((loss - again).abs() < 1e-12, "{loss} and {again}");
}

#[test]
fn threads_change_no_bit() {
    let description = zoo::allcnn(&[3, 8, 8], 4, Activation::Relu, Norm::Batch).unwrap();
    let network = Network::new(description).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let inputs: Vec<f32> = random(2, 24 * 192).iter().map(|&x| x as f32).collect();
    let classes = labels(3, 24, 4);
    let pass = |threads| {
        let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
            .with_execution(Arc::new(Execution::new(threads, 1 << 30).unwrap()));
        let (mut gradient, mut running) = (vec![0.0; w.len()], network.initial_statistics());
        let batch = Batch::classes(&inputs, &classes);
        evaluator
            .training_gradient(&w, batch, &mut gradient, &mut running, 0.1)
            .unwrap();
        gradient.extend(running);
        gradient
            .iter()
            .map(|x: &f32| x.to_bits())
            .collect::<Vec<_>>()
    };
    assert!(pass(1) == pass(2));
}

#[test]
fn one_value_per_channel_has_no_variance() {
    let network =
        Network::new(zoo::mlp(&[4], &[6], 3, Activation::Relu, Norm::Batch).unwrap()).unwrap();
    let w: Vec<f64> = network.initialise(1);
    let (mut gradient, mut running) = (vec![0.0; w.len()], network.initial_statistics());
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);
    let batch = Batch::classes(&[0.1, 0.2, 0.3, 0.4], &[1]);
    let refused = evaluator.training_gradient(&w, batch, &mut gradient, &mut running, 0.1);
    assert!(
        matches!(refused, Err(NetworkError::LayerDoesNotFit { .. })),
        "{refused:?}"
    );
}
