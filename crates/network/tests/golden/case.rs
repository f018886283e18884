//! The golden file's cases, and what each is about.

use super::digest::Digest;
use super::numbers::*;
use rescind_network::zoo::{self, Norm};
use rescind_network::{
    Activation, Batch, Evaluator, Loss, Network, NetworkDescription, Penalty, Scalar, Targets,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Golden {
    pub cases: Vec<Case>,
    pub weights_file: WeightsFile,
}

#[derive(Deserialize)]
pub struct WeightsFile {
    pub network: NetworkDescription,
    pub records: usize,
    pub logits: Vec<f64>,
}

#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    network: Source,
    records: usize,
    targets: TargetKind,
    penalty: f64,
    centred: bool,
    pub training: bool,
    pub expected: Expected,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Zoo {
        architecture: String,
        input: Vec<usize>,
        hidden: Vec<usize>,
        classes: usize,
        activation: Activation,
        norm: Norm,
    },
    Described(NetworkDescription),
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TargetKind {
    Classes,
    Soft,
    Values,
}

#[derive(Deserialize)]
pub struct Expected {
    pub parameters: Vec<(String, Vec<usize>)>,
    pub statistics: Vec<(String, Vec<usize>)>,
    pub loss: f64,
    pub gradient: Digest,
    pub running: Option<Digest>,
    pub logits: Option<Digest>,
    pub record_losses: Option<Digest>,
    pub record_gradient_norms: Option<Digest>,
    pub jvp: Option<Digest>,
    pub hvp: Option<Digest>,
    pub ggn: Option<Digest>,
}

impl Case {
    pub fn build(&self) -> Network {
        let description = match &self.network {
            Source::Described(description) => description.clone(),
            Source::Zoo {
                architecture,
                input,
                hidden,
                classes,
                activation,
                norm,
            } => {
                let (classes, activation, norm) = (*classes, *activation, *norm);
                match architecture.as_str() {
                    "mlp" => zoo::mlp(input, hidden, classes, activation, norm),
                    "allcnn" => zoo::allcnn(input, classes, activation, norm),
                    "resnet18" => zoo::resnet18(input, classes, activation, norm),
                    other => panic!("no architecture {other}"),
                }
                .unwrap()
            }
        };
        Network::new(description).unwrap()
    }
}

/// A case's network, weights and records.
pub struct Subject<T> {
    pub network: Network,
    pub w: Vec<T>,
    pub statistics: Vec<T>,
    inputs: Vec<T>,
    labels: Vec<u32>,
    values: Vec<T>,
    kind: TargetKind,
    penalty: Penalty<T>,
}

impl<T: Scalar> Subject<T> {
    pub fn new(case: &Case) -> Self {
        let network = case.build();
        let (d, outputs, records) = (network.parameter_count(), network.outputs(), case.records);
        let mut w = vec![T::zero(); d];
        for tensor in network.parameters() {
            let fan_in: usize = tensor.shape[1..].iter().product();
            for i in tensor.range.clone() {
                let u = number(WEIGHTS, i);
                w[i] = T::of(match tensor.shape.len() {
                    1 if tensor.name.ends_with(".weight") => 1.0 + 0.5 * u,
                    1 => 0.2 * u,
                    _ => u * (2.0 / (fan_in as f64).sqrt()),
                });
            }
        }
        let mut statistics = vec![T::zero(); network.statistic_count()];
        for tensor in network.statistics() {
            for i in tensor.range.clone() {
                let u = number(STATISTICS, i);
                let is_variance = tensor.name.ends_with("running_var");
                statistics[i] = T::of(if is_variance { 1.0 + 0.5 * u } else { 0.3 * u });
            }
        }
        let labels: Vec<u32> = (0..records)
            .map(|i| (bits(LABELS, i) % outputs as u64) as u32)
            .collect();
        let mut values = numbers(TARGETS, records * outputs);
        if case.targets == TargetKind::Soft {
            values.fill(T::zero());
            for (row, &label) in values.chunks_exact_mut(outputs).zip(&labels) {
                row[label as usize] = T::of(0.75);
                row[(label as usize + 1) % outputs] = T::of(0.25);
            }
        }
        let penalty = Penalty::new(case.penalty).unwrap();
        Subject {
            inputs: numbers(INPUTS, records * network.input_shape().len()),
            penalty: if case.centred {
                penalty.around(numbers(CENTRE, d))
            } else {
                penalty
            },
            kind: case.targets,
            network,
            w,
            statistics,
            labels,
            values,
        }
    }

    pub fn evaluator(&self) -> Evaluator<'_, T> {
        let loss = match self.kind {
            TargetKind::Values => Loss::SquaredError,
            TargetKind::Classes | TargetKind::Soft => Loss::SoftmaxCrossEntropy,
        };
        Evaluator::new(&self.network, loss)
            .with_penalty(self.penalty.clone())
            .unwrap()
            .with_statistics(self.statistics.clone())
            .unwrap()
    }

    pub fn batch(&self) -> Batch<'_, T> {
        let targets = match self.kind {
            TargetKind::Classes => Targets::Classes(&self.labels),
            TargetKind::Soft | TargetKind::Values => Targets::Values(&self.values),
        };
        Batch::new(&self.inputs, targets)
    }

    pub fn direction(&self) -> Vec<T> {
        numbers(DIRECTION, self.w.len())
    }

    /// Lengths of the parameter tensors.
    pub fn pieces(&self) -> Vec<usize> {
        self.network
            .parameters()
            .iter()
            .map(|t| t.range.len())
            .collect()
    }

    /// Logits are stored record by record, of a large batch as one piece.
    pub fn logit_pieces(&self) -> Vec<usize> {
        let (records, outputs) = (self.labels.len(), self.network.outputs());
        if records < 50 {
            vec![outputs; records]
        } else {
            vec![records * outputs]
        }
    }
}
