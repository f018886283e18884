//! A network over labelled records, as a [`Model`].

use super::choice::{Parameterisation, Scaling};
use super::head::{Features, HeadObjective, linear_head};
use super::model::NetworkModel;
use super::network::{NetworkObjective, check_shapes};
use super::records::{Records, Scaled};
use super::tangent::TangentObjective;
use crate::description::{ModelDescription, Smoothness, Tensor};
use crate::error::{Error, Failure};
use crate::evaluation::{Measured, measure};
use crate::model::{
    BatchNorm, CurvatureProducts, DoublePrecision, EvaluationSet, Minibatches, Model, OwnObjectives,
};
use crate::objective::{Curvature, Objective};
use crate::observer::Observer;
use crate::outputs::ConvexObjective;
use crate::penalty::L2Penalty;
use rescind_data::{Dataset, Digest, Selection, Standardisation, epoch_order};
use rescind_network::{Batch, Evaluator, Execution, Network};
use std::sync::{Arc, OnceLock};

/// A network over labelled records, with softmax cross-entropy: all its weights, its linearisation
/// at the ball's centre, or its last layer.
#[derive(Clone)]
pub struct Classifier {
    network: Arc<Network>,
    description: ModelDescription,
    records: Records,
    parameterisation: Parameterisation,
    centre: Option<Arc<[f32]>>,
    /// The records as the last layer sees them, of a convex head.
    features: OnceLock<Features>,
    /// How the inputs' scaling is chosen.
    scaling: Scaling,
    execution: Arc<Execution>,
}

/// What a [`Classifier`] is made of.
pub struct ClassifierParts {
    /// The network.
    pub network: Network,
    /// Its records.
    pub records: Records,
    /// How the inputs' scaling is chosen.
    pub scaling: Scaling,
    /// Which of its weights move, and how.
    pub parameterisation: Parameterisation,
    /// The ball's centre; zero if absent.
    pub centre: Option<Arc<[f32]>>,
}

impl Classifier {
    /// Puts network and records together.
    ///
    /// # Errors
    /// Records that do not fit the network; a head without a linear last layer.
    pub fn new(parts: ClassifierParts) -> Result<Self, Error> {
        let ClassifierParts {
            network,
            records,
            scaling,
            parameterisation,
            centre,
        } = parts;
        let manifest = records.manifest();
        let classes = manifest.classes().map_or(0, |(names, _)| names.len());
        check_shapes(&network, manifest.input_shape(), classes)?;
        if parameterisation == Parameterisation::Head {
            linear_head(&network)?;
        }
        Ok(Self {
            description: describe(&network, parameterisation)?,
            network: Arc::new(network),
            records,
            parameterisation,
            centre,
            features: OnceLock::new(),
            scaling,
            execution: Arc::default(),
        })
    }

    fn features(&self) -> Result<Option<&Features>, Error> {
        if self.parameterisation != Parameterisation::Head {
            return Ok(None);
        }
        if let Some(features) = self.features.get() {
            return Ok(Some(features));
        }
        let model = NetworkModel {
            centre: self.centre.clone(),
            ..NetworkModel::new(&self.network)
        };
        let features = Features::new(&model, &self.records.get()?.train)?;
        Ok(Some(self.features.get_or_init(|| features)))
    }

    /// The same over other training records, which have no manifest of their own.
    ///
    /// # Errors
    /// Records that do not fit the network, or that cannot be read.
    pub fn over(&self, train: Dataset) -> Result<Self, Error> {
        let (shape, classes) = (train.input_shape(), train.class_names().len());
        check_shapes(&self.network, shape, classes)?;
        Ok(Self {
            records: self.records.with(train)?,
            features: OnceLock::new(),
            ..self.clone()
        })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All training records, forgotten ones included, as the network sees them.
    ///
    /// # Errors
    /// Records that can no longer be read.
    pub fn train_records(&self) -> Result<&Dataset, Error> {
        Ok(&self.records.get()?.train)
    }

    /// The test records, as the network sees them.
    ///
    /// # Errors
    /// Records that can no longer be read.
    pub fn test_records(&self) -> Result<&Dataset, Error> {
        Ok(&self.records.get()?.test)
    }

    /// How many records the source holds that are not of the run: added since it was made, or what
    /// is left of records that were blanked out.
    ///
    /// # Errors
    /// Records that can no longer be read.
    pub fn unlisted_records(&self) -> Result<usize, Error> {
        Ok(self.records.get()?.unlisted)
    }

    /// Which of its weights move, and how.
    #[must_use]
    pub fn parameterisation(&self) -> Parameterisation {
        self.parameterisation
    }

    /// Computes on these threads and within this memory from now on.
    pub fn set_execution(&mut self, execution: Arc<Execution>) {
        self.execution = execution;
    }

    /// The network with these batch-norm statistics and this penalty, without weights.
    #[must_use]
    pub fn model(&self, statistics: Vec<f32>, penalty: f64) -> NetworkModel<'_> {
        NetworkModel {
            network: &self.network,
            penalty,
            centre: self.centre.clone(),
            statistics,
            linearised: self.parameterisation == Parameterisation::Tangent,
            execution: Arc::clone(&self.execution),
        }
    }

    fn with(&self, statistics: &[f32], penalty: &L2Penalty) -> NetworkModel<'_> {
        NetworkModel {
            centre: penalty.centre.clone().or_else(|| self.centre.clone()),
            ..self.model(statistics.to_vec(), penalty.strength)
        }
    }

    fn over_positions(&self, records: &[usize]) -> Result<NetworkObjective<'_, '_>, Error> {
        let mut positions = records.to_vec();
        positions.sort_unstable();
        let train = self.train_records()?;
        let on = Selection::new(train.len(), positions)?;
        let model = self.model(self.network.initial_statistics(), 0.0);
        NetworkObjective::new(&model, train, &on)
    }
}

/// The network's identity.
fn describe(
    network: &Network,
    parameterisation: Parameterisation,
) -> Result<ModelDescription, Error> {
    let tensors = |layout: &[rescind_network::Tensor]| {
        let named = layout.iter().map(|tensor| Tensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            fan_in: tensor.fan_in,
        });
        named.collect()
    };
    let rough = match parameterisation.is_convex() {
        // The outputs of a convex model are linear in the weights.
        true => Vec::new(),
        false => network.non_smooth_layers(),
    };
    let architecture = serde_json::to_value(network.description());
    Ok(ModelDescription {
        kind: parameterisation.kind().to_owned(),
        linearised: parameterisation == Parameterisation::Tangent,
        tensors: tensors(network.parameters()),
        statistics: tensors(network.statistics()),
        smoothness: Smoothness::Examined {
            rough: rough.into_iter().map(str::to_owned).collect(),
        },
        architecture: architecture.map_err(|error| Error::Model(Box::new(error)))?,
    })
}

impl Model for Classifier {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        self.records.len()
    }

    fn identity(&self, position: usize) -> Digest {
        self.records.manifest().records()[position]
    }

    fn prepare(&self, required: &Selection, observer: &mut dyn Observer) -> Result<(), Error> {
        self.records.load(required, observer).map(|_| ())
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        Ok(self.over_positions(records)?.gradient(w, gradient)?)
    }

    fn curvature(&self) -> Option<&dyn CurvatureProducts> {
        Some(self)
    }

    fn double_precision(&self) -> Option<&dyn DoublePrecision> {
        Some(self)
    }

    fn batch_norm(&self) -> Option<&dyn BatchNorm> {
        (self.network.statistic_count() > 0).then_some(self)
    }

    fn own_objectives(&self) -> Option<&dyn OwnObjectives> {
        Some(self)
    }

    fn is_convex(&self) -> bool {
        self.parameterisation.is_convex()
    }

    fn measure(
        &self,
        w: &[f32],
        statistics: &[f32],
        on: EvaluationSet<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Measured>, Failure> {
        let model = self.model(statistics.to_vec(), 0.0);
        let Scaled { train, test, .. } = self.records.get()?;
        let measured = match on {
            EvaluationSet::Records(selection) => measure(&model, w, train, selection, observer)?,
            EvaluationSet::Test => {
                let all = Selection::all(test.len());
                measure(&model, w, test, &all, observer)?
            }
        };
        Ok(Some(measured))
    }

    fn scaling(&self) -> Option<&Standardisation> {
        Some(self.records.scaling())
    }

    fn rescaled(
        &self,
        retained: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<Option<Box<dyn Model>>, Error> {
        if self.scaling != Scaling::Computed {
            return Ok(None);
        }
        let raw = self.records.again(retained, observer)?;
        let (source, train) = (self.records.source(), &raw.train.dataset);
        let constants = self.scaling.constants(source, train, retained)?;
        Ok(Some(Box::new(Self {
            records: self.records.rescaled(raw, retained.clone(), constants)?,
            features: OnceLock::new(),
            ..self.clone()
        })))
    }
}

impl CurvatureProducts for Classifier {
    fn product(
        &self,
        which: Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure> {
        let objective = self.over_positions(records)?;
        Ok(objective.curvature(w, which)?.product(v, out)?)
    }
}

impl DoublePrecision for Classifier {
    fn exact_gradient(
        &self,
        w: &[f64],
        records: &[usize],
        gradient: &mut [f64],
    ) -> Result<f64, Failure> {
        Ok(self.over_positions(records)?.exact_gradient(w, gradient)?)
    }

    fn exact_product(
        &self,
        which: Curvature,
        w: &[f64],
        records: &[usize],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure> {
        Ok(self
            .over_positions(records)?
            .exact_product(w, which, v, out)?)
    }
}

impl OwnObjectives for Classifier {
    fn objective<'a>(
        &'a self,
        on: &Selection,
        statistics: &[f32],
        penalty: &L2Penalty,
    ) -> Result<Box<dyn Objective + 'a>, Error> {
        let (model, train) = (self.with(statistics, penalty), self.train_records()?);
        train.check_present(on)?;
        Ok(
            match (self.features()?, self.parameterisation.is_convex()) {
                (Some(features), _) => Box::new(HeadObjective::new(features, &model, on)?),
                (None, true) => Box::new(TangentObjective::new(&model, train, on)?),
                (None, false) => Box::new(NetworkObjective::new(&model, train, on)?),
            },
        )
    }

    fn convex_objective<'a>(
        &'a self,
        on: &Selection,
        penalty: &L2Penalty,
    ) -> Result<Box<dyn ConvexObjective + 'a>, Error> {
        let (model, train) = (self.with(&[], penalty), self.train_records()?);
        train.check_present(on)?;
        Ok(
            match (self.features()?, self.parameterisation.is_convex()) {
                (Some(features), _) => Box::new(HeadObjective::new(features, &model, on)?),
                (None, true) => Box::new(TangentObjective::new(&model, train, on)?),
                (None, false) => {
                    return Err(Error::Lacks {
                        capability: "outputs that are linear in the weights",
                    });
                }
            },
        )
    }

    fn minibatches<'a>(&'a self, penalty: &L2Penalty) -> Result<Box<dyn Minibatches + 'a>, Error> {
        let model = self.with(&self.network.initial_statistics(), penalty);
        Ok(Box::new(NetworkMinibatches {
            evaluator: model.evaluator()?,
            dataset: self.train_records()?,
            inputs: Vec::new(),
            labels: Vec::new(),
        }))
    }
}

/// Gradients of a network in training mode, with buffers that are used again.
struct NetworkMinibatches<'a> {
    evaluator: Evaluator<'a, f32>,
    dataset: &'a Dataset,
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl Minibatches for NetworkMinibatches<'_> {
    fn gradient(
        &mut self,
        w: &[f32],
        records: &[usize],
        gradient: &mut [f32],
        statistics: &mut [f32],
        momentum: f64,
    ) -> Result<f64, Error> {
        self.dataset
            .copy_batch(records, &mut self.inputs, &mut self.labels)?;
        let batch = Batch::classes(&self.inputs, &self.labels);
        let loss = self
            .evaluator
            .training_gradient(w, batch, gradient, statistics, momentum)?;
        Ok(loss)
    }
}

impl BatchNorm for Classifier {
    fn initial(&self) -> Vec<f32> {
        self.network.initial_statistics()
    }

    /// The mean over minibatches of each one's mean and unbiased variance, as re-estimating them
    /// after weight averaging does (Izmailov et al. 2018).
    fn on(
        &self,
        records: &Selection,
        w: &[f32],
        minibatch: usize,
        seed: u64,
    ) -> Result<Vec<f32>, Error> {
        let evaluator = self
            .model(self.network.initial_statistics(), 0.0)
            .evaluator::<f32>()?;
        let train = self.train_records()?;
        let order = epoch_order(records, seed, 0);
        // A mean over records, so that a small last minibatch counts for little; one of a single
        // record has no variance.
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        let mut sums = vec![0.0_f64; self.network.statistic_count()];
        let mut counted = 0;
        let batches = order.chunks(minibatch.max(2));
        for batch in batches.filter(|batch| batch.len() > 1) {
            train.copy_batch(batch, &mut inputs, &mut labels)?;
            let own = evaluator.batch_statistics(w, &inputs)?;
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum += f64::from(own) * batch.len() as f64;
            }
            counted += batch.len();
        }
        if counted == 0 {
            return Err(Error::NoRecords);
        }
        let means = sums.into_iter().map(|sum| (sum / counted as f64) as f32);
        Ok(means.collect())
    }
}
