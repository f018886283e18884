//! The engine against PyTorch: `golden/make_golden.py` made the values and says how.

mod golden {
    pub mod case;
    pub mod digest;
    pub mod numbers;
}

use golden::case::{Case, Golden, Subject};
use golden::digest::Digest;
use rescind_network::{Evaluator, Network, Weights};

/// What rounding in double precision leaves of agreement, relative to each piece of a vector: a
/// hundred times what was seen.
const DOUBLE: f64 = 1e-11;
/// The same in single precision.
const SINGLE: f64 = 1e-4;

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/golden.json")).unwrap()
}

fn close(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(error <= DOUBLE, "{what}: {found}, PyTorch has {expected}");
}

fn each_case(training: bool, check: impl Fn(&Case, &Subject<f64>)) {
    let cases: Vec<Case> = golden()
        .cases
        .into_iter()
        .filter(|case| case.training == training)
        .collect();
    assert!(
        cases.len() >= 4,
        "the golden file has only {} such cases",
        cases.len()
    );
    for case in &cases {
        let subject = Subject::new(case);
        check(case, &subject);
    }
}

#[test]
fn parameters_have_pytorchs_names_shapes_and_order() {
    for case in golden().cases {
        let network = case.build();
        let layout = |tensors: &[rescind_network::Tensor]| -> Vec<(String, Vec<usize>)> {
            tensors
                .iter()
                .map(|t| (t.name.clone(), t.shape.clone()))
                .collect()
        };
        assert_eq!(
            layout(network.parameters()),
            case.expected.parameters,
            "{}",
            case.name
        );
        assert_eq!(
            layout(network.statistics()),
            case.expected.statistics,
            "{}",
            case.name
        );
    }
}

#[test]
fn values_and_products_match() {
    each_case(false, |case, subject| {
        let Case { name, expected, .. } = case;
        let w = &subject.w;
        let (evaluator, batch) = (subject.evaluator(), subject.batch());
        let pieces = subject.pieces();
        let compare = |what: &str, found: &[f64], expected: &Option<Digest>, pieces: &[usize]| {
            expected
                .as_ref()
                .unwrap()
                .compare(&format!("{name}: {what}"), found, pieces, DOUBLE);
        };

        let logits = evaluator.logits(w, batch.inputs).unwrap();
        compare("logits", &logits, &expected.logits, &subject.logit_pieces());
        let losses = evaluator.record_losses(w, batch).unwrap();
        compare(
            "record losses",
            &losses,
            &expected.record_losses,
            &[losses.len()],
        );
        let norms = evaluator.record_gradient_norms(w, batch).unwrap();
        compare(
            "record gradient norms",
            &norms,
            &expected.record_gradient_norms,
            &[norms.len()],
        );
        close(
            &format!("{name}: loss"),
            evaluator.loss(w, batch).unwrap(),
            expected.loss,
        );

        let mut out = vec![0.0; w.len()];
        let loss = evaluator.gradient(w, batch, &mut out).unwrap();
        close(&format!("{name}: the gradient's loss"), loss, expected.loss);
        expected
            .gradient
            .compare(&format!("{name}: gradient"), &out, &pieces, DOUBLE);

        let at = evaluator.linearize(w, batch).unwrap();
        close(
            &format!("{name}: the linearisation's loss"),
            at.loss(),
            expected.loss,
        );
        let what = format!("{name}: the linearisation's gradient");
        expected
            .gradient
            .compare(&what, at.gradient(), &pieces, DOUBLE);
        let v = subject.direction();
        let moved = at.jvp(&v).unwrap();
        compare("jvp", &moved, &expected.jvp, &[moved.len()]);
        at.hvp(&v, &mut out).unwrap();
        compare("hvp", &out, &expected.hvp, &pieces);
        at.ggn(&v, &mut out).unwrap();
        compare("ggn", &out, &expected.ggn, &pieces);
    });
}

#[test]
fn training_gradients_and_running_statistics_match() {
    each_case(true, |case, subject| {
        let Case { name, expected, .. } = case;
        let Subject { network, w, .. } = subject;
        let mut gradient = vec![0.0; w.len()];
        let mut running = subject.statistics.clone();
        let momentum = 0.1;
        let loss = subject
            .evaluator()
            .training_gradient(w, subject.batch(), &mut gradient, &mut running, momentum)
            .unwrap();
        close(&format!("{name}: loss"), loss, expected.loss);
        let pieces = subject.pieces();
        expected
            .gradient
            .compare(&format!("{name}: gradient"), &gradient, &pieces, DOUBLE);
        let pieces: Vec<usize> = network.statistics().iter().map(|t| t.range.len()).collect();
        let what = format!("{name}: running statistics");
        expected
            .running
            .as_ref()
            .unwrap()
            .compare(&what, &running, &pieces, DOUBLE);
    });
}

#[test]
fn single_precision_stays_close_to_double() {
    // Smooth networks only: where rounding puts a ReLU's input on the other side of zero, the
    // Hessian jumps, in PyTorch as here.
    let smooth = |case: &&Case| !case.training && case.build().non_smooth_layers().is_empty();
    let golden = golden();
    let cases: Vec<&Case> = golden.cases.iter().filter(smooth).collect();
    assert!(
        cases.len() >= 6,
        "the golden file has only {} such cases",
        cases.len()
    );
    for case in cases {
        let subject = Subject::<f32>::new(case);
        let evaluator = subject.evaluator();
        let at = evaluator.linearize(&subject.w, subject.batch()).unwrap();
        let (v, mut out) = (subject.direction(), vec![0.0; subject.w.len()]);
        let pieces = subject.pieces();
        let compare = |what: &str, out: &[f32], expected: &Option<Digest>| {
            let found: Vec<f64> = out.iter().map(|&x| f64::from(x)).collect();
            let what = format!("{}: {what} in single precision", case.name);
            expected
                .as_ref()
                .unwrap()
                .compare(&what, &found, &pieces, SINGLE);
        };
        at.hvp(&v, &mut out).unwrap();
        compare("hvp", &out, &case.expected.hvp);
        at.ggn(&v, &mut out).unwrap();
        compare("ggn", &out, &case.expected.ggn);
    }
}

#[test]
fn a_weights_file_of_pytorch_gives_its_logits() {
    let bytes = include_bytes!("golden/batch_norm.safetensors");
    let golden = golden().weights_file;
    let network = Network::new(golden.network).unwrap();
    let Weights {
        parameters,
        statistics,
    } = Weights::<f64>::from_safetensors(&network, bytes).unwrap();
    let inputs: Vec<f64> = golden::numbers::numbers(
        golden::numbers::INPUTS,
        golden.records * network.input_shape().len(),
    );
    let logits = Evaluator::new(&network, rescind_network::Loss::SoftmaxCrossEntropy)
        .with_statistics(statistics)
        .unwrap()
        .logits(&parameters, &inputs)
        .unwrap();
    let error = golden::digest::relative_error(&logits, &golden.logits);
    assert!(error <= DOUBLE, "logits are off by {error:e}");
}

#[test]
fn a_weights_file_survives_the_return_trip() {
    let bytes = include_bytes!("golden/batch_norm.safetensors");
    let network = Network::new(golden().weights_file.network).unwrap();
    let weights = Weights::<f32>::from_safetensors(&network, bytes).unwrap();
    let written = weights.to_safetensors(&network).unwrap();
    assert_eq!(
        Weights::<f32>::from_safetensors(&network, &written).unwrap(),
        weights
    );
    // The same tensors, the counters of batches included, under the same names and shapes.
    let names = |bytes: &[u8]| -> std::collections::BTreeMap<String, Vec<usize>> {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        file.tensors()
            .into_iter()
            .map(|(name, view)| (name, view.shape().to_vec()))
            .collect()
    };
    assert_eq!(names(&written), names(bytes));
}
