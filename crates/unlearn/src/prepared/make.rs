//! Summing up all records, once.

use super::file::take;
use super::head::{
    Blocks, Head, add_outer, can_be_prepared, coupling, couplings, lengths, outputs_at, residuals,
};
use super::key;
use super::request::{FACTOR, keep, keep_factor, named, remember};
use crate::ball::Ball;
use crate::error::Error;
use crate::features::FixedFeatures;
use crate::methods::Kept;
use crate::model::Model;
use crate::observer::{Observer, report};
use crate::phase::Phase;
use crate::training::{TrainingEnding, TrainingSettings, TrainingState};
use rescind_curvature::{BlockFactor, BlockSums, Coupling, SymmetricBlocks};
use rescind_data::{Digest, Selection};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records summed at a time.
const GROUP: usize = 1024;
/// How long work is done before it is kept, so that it is not lost.
const SITTING: Duration = Duration::from_secs(30);
/// Most memory that preparing may take: where a head needs more, descending is the better way.
const MOST_BYTES: usize = 2 << 30;
/// Operations that are done without being asked for: a fraction of a second.
const LITTLE: f64 = 4e9;
/// What the name of unfinished sums begins with.
const PARTIAL: &str = "sums-";

/// What preparing came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Preparation {
    /// Records that were summed.
    pub records: usize,
    /// Features of each, a constant included.
    pub features: usize,
    /// Outputs.
    pub outputs: usize,
    /// Bytes that are kept.
    pub bytes: usize,
    /// What the gradient's norm is at most.
    pub gradient_norm: f64,
}

/// A sum over the first records, in their order.
struct Sums {
    done: usize,
    squares: f64,
    blocks: BlockSums,
    moments: Option<BlockSums>,
    gradient: Vec<f64>,
}

/// Sums up the records that stay, at the weights of a trained model, so that requests are answered
/// from their own records ([`Kept`] has the sums from then on). Broken off, it goes on where it
/// stood.
///
/// # Errors
/// [`Error::NotPrepared`] for a model that is not linear in fixed features, one that is not trained,
/// or one that needs too much memory; what the model meets; [`Error::Interrupted`].
pub fn prepare(
    model: &dyn Model,
    (state, retained): (&TrainingState, &Selection),
    (training, ball): (&TrainingSettings, &Ball),
    kept: &dyn Kept,
    observer: &mut dyn Observer,
) -> Result<Preparation, Error> {
    let features = model.fixed_features();
    let features = features.filter(|features| can_be_prepared(features.loss()));
    let features = features.ok_or_else(|| {
        not_prepared(
            "only models that are linear in features which no weight changes can be prepared: \
             heads, and tangent models of a single layer",
        )
    })?;
    let trained = matches!(
        state.progress.ending,
        Some(TrainingEnding::GradientReached { .. })
    );
    let Some(w) = state.exact.as_ref().filter(|_| trained) else {
        return Err(not_prepared("the model is not trained to its end yet"));
    };
    let (outputs, width, loss) = (features.outputs(), features.width(), features.loss());
    let needed = memory(outputs, width, coupling(loss));
    if needed.is_none_or(|bytes| bytes > MOST_BYTES) {
        let needs = needed.map_or("more memory than there is".to_owned(), |bytes| {
            format!("{} MiB", bytes >> 20)
        });
        return Err(not_prepared(&format!(
            "{outputs} outputs of {width} features need {needs}, of at most {} MiB: there, requests \
             go on by descending. Squared error needs {outputs} times {outputs} times less",
            MOST_BYTES >> 20
        )));
    }
    let places = features.places();
    let centre = |place: usize| ball.centre().map_or(0.0, |centre| f64::from(centre[place]));
    let mut frozen = vec![true; w.len()];
    places.iter().for_each(|&place| frozen[place] = false);
    let still = |place: usize| !frozen[place] || (w[place] - centre(place)).abs() <= 0.0;
    if !(0..w.len()).all(still) {
        return Err(not_prepared("weights that the features rest on have moved"));
    }
    let v: Vec<f64> = places.iter().map(|&at| w[at] - centre(at)).collect();

    let key = key(w, retained.len());
    let positions = retained.positions();
    let mut sums = begun(kept, &key, features).unwrap_or_else(|| Sums::new(features));
    let mut kept_at = Instant::now();
    let total = Some(positions.len() as u64);
    while sums.done < positions.len() {
        report(observer, Phase::Precondition, sums.done as u64, total)?;
        let group = &positions[sums.done..positions.len().min(sums.done + GROUP)];
        sums.add(features, group, &v)?;
        if kept_at.elapsed() > SITTING {
            kept.keep(&named(PARTIAL, &key), &sums.to_bytes())?;
            kept_at = Instant::now();
        }
    }
    report(observer, Phase::Precondition, sums.done as u64, total)?;
    let head = sums.head(features, training.penalty, v)?;
    let name = keep_factor(kept, &key, &head)?;
    let bytes = keep(kept, key, &head, &name, &key)?;
    kept.discard_others(FACTOR, &[&name])?;
    kept.discard_others(PARTIAL, &[])?;
    let made = Preparation {
        records: head.records,
        features: width,
        outputs,
        bytes,
        gradient_norm: head.bound(),
    };
    remember(kept, key, head, name);
    Ok(made)
}

/// Whether summing up so many records takes about as long as a request may.
pub(super) fn is_little_work(records: usize, model: &dyn FixedFeatures) -> bool {
    let (outputs, width) = (model.outputs() as f64, model.width() as f64);
    let pairs = coupling(model.loss()).pairs(model.outputs()).len() as f64;
    let sums = records as f64 * width * width * (pairs + 1.0);
    let factor = match coupling(model.loss()) {
        Coupling::Full => (outputs * width).powi(3) / 3.0,
        Coupling::Shared | Coupling::Diagonal => outputs * width.powi(3) / 3.0,
    };
    sums + factor < LITTLE
}

/// The head where it stands, all sums made anew.
pub(super) fn summed(
    model: &dyn FixedFeatures,
    positions: &[usize],
    head: &Head,
) -> Result<Head, Error> {
    let mut sums = Sums::new(model);
    for group in positions.chunks(GROUP) {
        sums.add(model, group, &head.weights)?;
    }
    sums.head(model, head.penalty, head.weights.clone())
}

fn not_prepared(reason: &str) -> Error {
    Error::NotPrepared {
        reason: reason.to_owned(),
    }
}

/// Bytes that summing takes: blocks while they grow, and the factor.
fn memory(outputs: usize, width: usize, coupling: Coupling) -> Option<usize> {
    let square = width.checked_mul(width)?.checked_mul(8)?;
    let growing = square.checked_mul(coupling.pairs(outputs.min(1 << 12)).len() + 1)?;
    growing.checked_add(BlockFactor::bytes(outputs, width, coupling)?)
}

impl Sums {
    fn new(model: &dyn FixedFeatures) -> Self {
        let (outputs, width, coupling) = (model.outputs(), model.width(), coupling(model.loss()));
        Self {
            done: 0,
            squares: 0.0,
            blocks: BlockSums::new(outputs, width, coupling),
            moments: (coupling != Coupling::Shared)
                .then(|| BlockSums::new(outputs, width, Coupling::Shared)),
            gradient: vec![0.0; outputs * width],
        }
    }

    fn add(&mut self, model: &dyn FixedFeatures, group: &[usize], v: &[f64]) -> Result<(), Error> {
        let (loss, outputs, width) = (model.loss(), model.outputs(), model.width());
        let (features, targets) = (model.features(group)?, model.targets(group)?);
        let z = outputs_at(v, width, &features);
        let r = residuals(loss, outputs, &targets, &z);
        add_outer(&mut self.gradient, width, 1.0, &features, &r);
        self.blocks.add(&features, &couplings(loss, outputs, &z));
        let lengths = lengths(width, &features);
        self.squares += lengths.iter().map(|l| l * l).sum::<f64>();
        if let Some(moments) = &mut self.moments {
            moments.add(&features, &lengths);
        }
        self.done += group.len();
        Ok(())
    }

    /// The head at v, whose records these are sums over.
    fn head(self, model: &dyn FixedFeatures, penalty: f64, v: Vec<f64>) -> Result<Head, Error> {
        let (outputs, width, loss) = (model.outputs(), model.width(), model.loss());
        let blocks = match coupling(loss) {
            Coupling::Shared => Blocks::Double(self.blocks.blocks()),
            Coupling::Diagonal | Coupling::Full => Blocks::Single(self.blocks.blocks()),
        };
        let factor = blocks.factor(self.done, penalty);
        let factor = factor
            .ok_or_else(|| not_prepared("its curvature is not finite, or lost in rounding"))?;
        Ok(Head {
            loss,
            outputs,
            width,
            penalty,
            records: self.done,
            squares: self.squares,
            blocks,
            moments: self.moments.map(|moments| moments.blocks()),
            factor: Arc::new(factor),
            prepared_at: v.clone(),
            weights: v,
            gradient: self.gradient,
            slack: 0.0,
            left: 0,
            steps: 0,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.done as u64).to_le_bytes().to_vec();
        let mut put = |numbers: &[f64]| {
            numbers
                .iter()
                .for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        };
        put(&[self.squares]);
        put(&self.gradient);
        put(self.blocks.blocks::<f64>().packed());
        if let Some(moments) = &self.moments {
            put(moments.blocks::<f64>().packed());
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8], model: &dyn FixedFeatures) -> Option<Self> {
        let (outputs, width, coupling) = (model.outputs(), model.width(), coupling(model.loss()));
        let done = take(&mut bytes, 1, u64::from_le_bytes)?[0] as usize;
        let squares = take(&mut bytes, 1, f64::from_le_bytes)?[0];
        let gradient = take(&mut bytes, outputs * width, f64::from_le_bytes)?;
        let mut sums = |coupling: Coupling| {
            let count = SymmetricBlocks::<f64>::numbers(outputs, width, coupling)?;
            let packed = take(&mut bytes, count, f64::from_le_bytes)?;
            let blocks = SymmetricBlocks::new(outputs, width, coupling, packed)?;
            Some(BlockSums::from(&blocks))
        };
        let blocks = sums(coupling)?;
        let moments = match coupling {
            Coupling::Shared => None,
            Coupling::Diagonal | Coupling::Full => Some(sums(Coupling::Shared)?),
        };
        bytes.is_empty().then_some(Self {
            done,
            squares,
            blocks,
            moments,
            gradient,
        })
    }
}

/// What an earlier call did of it.
fn begun(kept: &dyn Kept, key: &Digest, model: &dyn FixedFeatures) -> Option<Sums> {
    let bytes = kept.bytes(&named(PARTIAL, key))?;
    Sums::from_bytes(&bytes, model)
}
