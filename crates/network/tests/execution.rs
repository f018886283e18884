//! Same bits whatever the threads and the budget; and the budget is kept.

mod support;

use rescind_network::zoo::{self, Norm};
use rescind_network::{
    Activation, Batch, Evaluator, Execution, Loss, Network, NetworkDescription, NetworkError,
};
use std::sync::Arc;
use support::{labels, random};

struct Results {
    bits: Vec<u64>,
    kept: f64,
}

/// Everything that an evaluator computes, as bits.
fn results(description: &NetworkDescription, records: usize, execution: Execution) -> Results {
    let network = Network::new(description.clone()).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let inputs: Vec<f32> = random(2, records * network.input_shape().len())
        .iter()
        .map(|&x| x as f32)
        .collect();
    let classes = labels(3, records, network.outputs());
    let batch = Batch::classes(&inputs, &classes);
    let evaluator =
        Evaluator::new(&network, Loss::SoftmaxCrossEntropy).with_execution(Arc::new(execution));
    let at = evaluator.linearize(&w, batch).unwrap();
    let v: Vec<f32> = network.initialise(4);
    let mut out = vec![0.0; v.len()];
    let mut all = evaluator.logits(&w, &inputs).unwrap();
    let loss = evaluator.gradient(&w, batch, &mut out).unwrap();
    all.extend_from_slice(&out);
    at.hvp(&v, &mut out).unwrap();
    all.extend_from_slice(&out);
    at.ggn(&v, &mut out).unwrap();
    all.extend_from_slice(&out);
    let jv = at.jvp(&v).unwrap();
    at.vjp(&jv, &mut out).unwrap();
    all.extend_from_slice(&out);
    let mut bits: Vec<u64> = all.iter().map(|x| u64::from(x.to_bits())).collect();
    bits.push(loss.to_bits());
    bits.extend(
        evaluator
            .record_losses(&w, batch)
            .unwrap()
            .iter()
            .map(|x| x.to_bits()),
    );
    bits.extend(
        evaluator
            .record_gradient_norms(&w, batch)
            .unwrap()
            .iter()
            .map(|x| x.to_bits()),
    );
    Results {
        bits,
        kept: at.kept_share(),
    }
}

/// The least budget that is not refused, as a refusal names it.
fn least_budget(description: &NetworkDescription, records: usize) -> usize {
    let network = Network::new(description.clone()).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let inputs = vec![0.5; records * network.input_shape().len()];
    let classes = labels(3, records, network.outputs());
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy)
        .with_execution(Arc::new(Execution::new(1, 1).unwrap()));
    match evaluator
        .linearize(&w, Batch::classes(&inputs, &classes))
        .map(|_| ())
    {
        Err(NetworkError::MemoryBudget { needed, .. }) => needed,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn threads_and_budget_change_no_bit() {
    let mlp = zoo::mlp(&[1, 28, 28], &[32, 32], 10, Activation::Gelu, Norm::Group).unwrap();
    let cnn = zoo::allcnn(&[3, 12, 12], 10, Activation::Relu, Norm::None).unwrap();
    for (description, records) in [(mlp, 2000), (cnn, 40)] {
        let alone = results(&description, records, Execution::new(1, 2 << 30).unwrap());
        assert!(alone.kept > 0.999, "kept {}", alone.kept);
        for threads in [2, 3, 5] {
            let more = results(
                &description,
                records,
                Execution::new(threads, 2 << 30).unwrap(),
            );
            assert!(alone.bits == more.bits, "{threads} threads");
        }
        let least = least_budget(&description, records);
        let tight = results(&description, records, Execution::new(2, least).unwrap());
        assert!(
            tight.kept < 0.001,
            "the budget was not tight: kept {}",
            tight.kept
        );
        assert!(alone.bits == tight.bits, "budget");
    }
}

#[test]
fn a_budget_that_holds_no_chunk_is_refused_with_what_it_takes() {
    let network =
        Network::new(zoo::allcnn(&[3, 32, 32], 10, Activation::Relu, Norm::None).unwrap()).unwrap();
    let w: Vec<f32> = network.initialise(1);
    let inputs = vec![0.5; 3 * 32 * 32];
    let execution = Arc::new(Execution::new(1, 1 << 20).unwrap());
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy).with_execution(execution);
    match evaluator
        .linearize(&w, Batch::classes(&inputs, &[3]))
        .map(|_| ())
    {
        Err(NetworkError::MemoryBudget { budget, needed }) => {
            assert_eq!(budget, 1 << 20);
            assert!(needed > budget);
        }
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn a_records_outputs_are_the_same_in_any_company_where_each_passes_alone() {
    let mlp = zoo::mlp(&[1, 8, 8], &[64, 9], 10, Activation::Relu, Norm::None).unwrap();
    let cnn = zoo::allcnn(&[3, 12, 12], 10, Activation::Gelu, Norm::Group).unwrap();
    let most = 97;
    for description in [mlp, cnn] {
        let network = Network::new(description).unwrap();
        let w: Vec<f32> = network.initialise(1);
        let (len, outputs) = (network.input_shape().len(), network.outputs());
        let inputs: Vec<f32> = random(2, most * len).iter().map(|&x| x as f32).collect();
        for threads in [1, 3] {
            let execution = Arc::new(Execution::new(threads, 2 << 30).unwrap());
            let evaluator =
                Evaluator::new(&network, Loss::SoftmaxCrossEntropy).with_execution(execution);
            let all = evaluator.logits_alone(&w, &inputs).unwrap();
            let together = evaluator.logits(&w, &inputs).unwrap();
            let far = all.iter().zip(&together).map(|(a, b)| (a - b).abs());
            assert!(far.fold(0.0, f32::max) < 1e-4);
            for (first, last) in [(0, 1), (3, 20), (1, 65), (40, most), (1, most)] {
                let some = evaluator.logits_alone(&w, &inputs[first * len..last * len]);
                let same = some.unwrap() == all[first * outputs..last * outputs];
                assert!(same, "records {first} to {last}");
            }
        }
    }
}
