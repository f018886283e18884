//! A network over labelled records, as a [`Model`].

mod capabilities;
mod decisions;
mod fixed;

pub use decisions::Decision;

use super::choice::{Parameterisation, Scaling};
use super::head::Features;
use super::linear_place::{LinearPlace, head_place, linear_head, linear_place};
use super::model::NetworkModel;
use super::network::{NetworkObjective, check_shapes};
use super::records::{Records, Scaled};
use crate::description::{ModelDescription, Smoothness, Tensor};
use crate::error::{Error, Failure};
use crate::evaluation::{Measured, measure};
use crate::features::FixedFeatures;
use crate::model::{
    BatchNorm, CurvatureProducts, DoublePrecision, EvaluationSet, Model, OwnObjectives,
};
use crate::objective::Objective;
use crate::observer::Observer;
use crate::penalty::L2Penalty;
use rescind_data::{Dataset, Digest, Selection, Standardisation, TableSummary};
use rescind_network::{Execution, Loss, Network};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A network over labelled records: all its weights, its linearisation at the ball's centre, or its
/// last layer.
#[derive(Clone)]
pub struct Classifier {
    network: Arc<Network>,
    description: ModelDescription,
    records: Records,
    parameterisation: Parameterisation,
    loss: Loss,
    /// The layer that alone moves, where it is a linear one on features that stay.
    linear: Option<LinearPlace>,
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
    /// The loss of its outputs.
    pub loss: Loss,
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
            loss,
            centre,
        } = parts;
        let manifest = records.manifest();
        let classes = manifest.classes().map_or(0, <[String]>::len);
        check_shapes(&network, manifest.input_shape(), classes)?;
        if parameterisation == Parameterisation::Head {
            linear_head(&network)?;
        }
        Ok(Self {
            description: describe(&network, parameterisation, loss)?,
            linear: linear_place(&network, parameterisation),
            network: Arc::new(network),
            records,
            parameterisation,
            loss,
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
        let features = self.features_of(&self.records.get()?.train)?;
        Ok(Some(self.features.get_or_init(|| features)))
    }

    /// Any records as the backbone shows them to the last layer.
    fn features_of(&self, records: &Dataset) -> Result<Features, Error> {
        let model = NetworkModel {
            centre: self.centre.clone(),
            ..NetworkModel::new(&self.network)
        };
        Features::new(&model, records)
    }

    /// All records as the last layer sees them, once these are found to be there.
    fn seen(&self, records: &Selection) -> Result<&Dataset, Error> {
        let train = &self.records.get_despite(records)?.train;
        train.check_present(records)?;
        Ok(self.features()?.map_or(train, Features::dataset))
    }

    /// These records as the last layer sees them, read without the others where that can be: then
    /// they are where the selection has them, else where they always are. To the last bit they are
    /// the same: a backbone's features of a record depend on no other.
    fn few(&self, records: &Selection) -> Result<Option<Dataset>, Error> {
        let few = self.records.few(records)?;
        match self.parameterisation {
            Parameterisation::Head => few
                .map(|few| Ok(self.features_of(&few)?.into_dataset()))
                .transpose(),
            _ => Ok(few),
        }
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

    /// The same over the same records with another loss of its outputs.
    ///
    /// # Errors
    /// Layers that JSON cannot hold.
    pub fn with_loss(&self, loss: Loss) -> Result<Self, Error> {
        Ok(Self {
            description: describe(&self.network, self.parameterisation, loss)?,
            loss,
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

    /// How many records of a subject whom the run does not know its source holds now.
    ///
    /// # Errors
    /// Records that can no longer be read.
    pub fn added_records_of(&self, subject: &str) -> Result<usize, Error> {
        self.records.added_of(subject)
    }

    /// What was found in the table that its records are of, once they have been read; `None` of
    /// other records.
    #[must_use]
    pub fn table(&self) -> Option<&TableSummary> {
        self.records.table()
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
            loss: self.loss,
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

/// The network's description, a function of its layers, of which of its weights move, and of the
/// loss.
///
/// # Errors
/// Layers that JSON cannot hold.
pub fn describe(
    network: &Network,
    parameterisation: Parameterisation,
    loss: Loss,
) -> Result<ModelDescription, Error> {
    let own = match parameterisation {
        Parameterisation::Head => head_place(network),
        Parameterisation::Full | Parameterisation::Tangent => None,
    };
    // Of a head its last layer alone moves.
    let stays = |range: &Range<usize>| own.as_ref().is_some_and(|own| !own.contains(&range.start));
    let tensors = |layout: &[rescind_network::Tensor], parameters: bool| {
        let named = layout.iter().map(|tensor| Tensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            fan_in: tensor.fan_in,
            frozen: parameters && stays(&tensor.range),
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
        loss: parameterisation.is_convex().then(|| loss.into()),
        tensors: tensors(network.parameters(), true),
        statistics: tensors(network.statistics(), false),
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

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        Ok(self.records.manifest().pseudonym(position)?)
    }

    fn prepare(&self, required: &Selection, observer: &mut dyn Observer) -> Result<(), Error> {
        self.records.load(required, observer).map(|_| ())
    }

    fn flops_per_record(&self) -> Option<u64> {
        Some(self.network.flops_per_record() as u64)
    }

    fn has_read(&self) -> bool {
        self.records.has_read()
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

    fn fixed_features(&self) -> Option<&dyn FixedFeatures> {
        self.linear.is_some().then_some(self)
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
