//! Gradient, linearisation, Hessian- and Gauss–Newton-vector product on every processor, and the
//! rate of plain matrix products on one.
//!
//! ```sh
//! cargo bench -p rescind-network --bench products
//! ```
//!
//! `benches/against_pytorch.py` at the root compares the same work with PyTorch.

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind_network::zoo::{self, Norm};
use rescind_network::{Activation, Batch, Evaluator, Loss, Network, NetworkDescription};
use std::hint::black_box;

fn gemm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    group
        .throughput(Throughput::Elements(support::FLOPS as u64))
        .sample_size(20);
    let len = support::SIZE * support::SIZE;
    let (a, b, mut out) = (vec![0.5; len], vec![0.25; len], vec![0.0; len]);
    let id = BenchmarkId::new("f32, one thread", support::SIZE);
    group.bench_function(id, |bencher| {
        bencher.iter(|| support::product(black_box(&mut out), black_box(&a), black_box(&b)));
    });
    group.finish();
}

fn products(
    criterion: &mut Criterion,
    name: &str,
    description: NetworkDescription,
    records: usize,
    samples: usize,
) {
    let network = Network::new(description).unwrap();
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let inputs: Vec<f32> = (0..records * network.input_shape().len())
        .map(|_| generator.random_range(-1.0..1.0))
        .collect();
    let classes = network.outputs() as u32;
    let labels: Vec<u32> = (0..records)
        .map(|_| generator.random_range(0..classes))
        .collect();
    let batch = Batch::classes(&inputs, &labels);
    let (w, v): (Vec<f32>, Vec<f32>) = (network.initialise(2), network.initialise(3));
    let mut out = vec![0.0; w.len()];
    let evaluator = Evaluator::new(&network, Loss::SoftmaxCrossEntropy);

    let mut group = criterion.benchmark_group(format!("{name}, {records} records"));
    group.sample_size(samples);
    group.bench_function("gradient", |bencher| {
        bencher.iter(|| evaluator.gradient(&w, batch, black_box(&mut out)).unwrap());
    });
    group.bench_function("linearize", |bencher| {
        bencher.iter(|| evaluator.linearize(&w, batch).unwrap().loss());
    });
    let at = evaluator.linearize(&w, batch).unwrap();
    group.bench_function("hvp", |bencher| {
        bencher.iter(|| at.hvp(black_box(&v), black_box(&mut out)).unwrap());
    });
    group.bench_function("ggn", |bencher| {
        bencher.iter(|| at.ggn(black_box(&v), black_box(&mut out)).unwrap());
    });
    group.finish();
}

fn mlp(criterion: &mut Criterion) {
    for (records, samples) in [(10, 100), (128, 100), (59_000, 10)] {
        let mlp = zoo::mlp(&[1, 28, 28], &[32, 32], 10, Activation::Relu, Norm::None).unwrap();
        products(criterion, "MLP 784-32-32-10", mlp, records, samples);
    }
}

fn allcnn(criterion: &mut Criterion) {
    for records in [10, 64] {
        let allcnn = zoo::allcnn(&[3, 32, 32], 10, Activation::Relu, Norm::None).unwrap();
        products(criterion, "AllCNN", allcnn, records, 10);
    }
}

fn resnet18(criterion: &mut Criterion) {
    let resnet = zoo::resnet18(&[3, 32, 32], 10, Activation::Relu, Norm::None).unwrap();
    products(criterion, "ResNet-18", resnet, 10, 10);
}

criterion_group!(benches, gemm, mlp, allcnn, resnet18);
criterion_main!(benches);
