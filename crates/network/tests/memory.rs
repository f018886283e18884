//! Linearising many pictures stays within the budget. Alone in its binary: it counts allocations.

use rescind_network::zoo::{self, Norm};
use rescind_network::{Activation, Batch, Evaluator, Execution, Loss, Network};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// Safety: hands every call on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Peak bytes allocated while linearising and taking one product, the share kept, and the product.
fn run(network: &Network, inputs: &[f32], labels: &[u32], budget: usize) -> (usize, f64, Vec<f32>) {
    let w: Vec<f32> = network.initialise(1);
    let v: Vec<f32> = network.initialise(2);
    let mut out = vec![0.0; w.len()];
    let execution = Arc::new(Execution::new(2, budget).unwrap());
    let evaluator = Evaluator::new(network, Loss::SoftmaxCrossEntropy).with_execution(execution);
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let at = evaluator
        .linearize(&w, Batch::classes(inputs, labels))
        .unwrap();
    at.hvp(&v, &mut out).unwrap();
    (PEAK.load(Relaxed) - before, at.kept_share(), out)
}

fn pictures(records: usize) -> (Vec<f32>, Vec<u32>) {
    let inputs = (0..records * 3072)
        .map(|i| ((i * 7919) % 1009) as f32 / 1009.0)
        .collect();
    (inputs, (0..records as u32).map(|i| i % 10).collect())
}

/// The counter is the process's: one test at a time.
static COUNTING: Mutex<()> = Mutex::new(());

fn allcnn() -> Network {
    let description = zoo::allcnn(&[3, 32, 32], 10, Activation::Relu, Norm::None).unwrap();
    Network::new(description).unwrap()
}

#[test]
#[ignore = "slow tier: a thousand pictures"]
fn a_thousand_cifar_pictures_through_allcnn_within_four_gib() {
    let _alone = COUNTING.lock();
    let budget = 4 << 30;
    let (inputs, labels) = pictures(1000);
    let (peak, kept, _) = run(&allcnn(), &inputs, &labels, budget);
    assert!(peak <= budget, "peak {peak} bytes");
    assert!(
        (0.2..1.0).contains(&kept),
        "kept {kept}: the budget should bind, and be used"
    );
}

#[test]
fn what_a_budget_does_not_hold_is_computed_again_to_the_same_bits() {
    let _alone = COUNTING.lock();
    let network = allcnn();
    let (inputs, labels) = pictures(48);
    let (all, kept, product) = run(&network, &inputs, &labels, 4 << 30);
    assert!(kept > 0.999, "kept {kept}");
    let budget = 1 << 28;
    assert!(all > budget, "the budget does not bind: {all} bytes");
    let (peak, kept, same) = run(&network, &inputs, &labels, budget);
    assert!(peak <= budget, "peak {peak} bytes");
    assert!((0.05..0.7).contains(&kept), "kept {kept}");
    assert!(product == same, "recomputation must not change the numbers");
}
