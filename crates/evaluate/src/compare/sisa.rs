//! Exact unlearning by shards (SISA: Bourtoule et al. 2021, without slices): several models, each of
//! some of the records, whose posteriors are averaged. Only those are trained again that lost a record.

use super::CompareError;
use super::store::{replace, replace_json};
use rescind::training::{Trainer, TrainingProgress, TrainingSettings};
use rescind::{Error, ModelError, Observer};
use rescind_data::{Selection, epoch_order};
use rescind_network::{Network, Weights};
use std::path::Path;

/// A model of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its weights: un-noised, private.
    pub weights: Weights<f32>,
    /// How its training went.
    pub progress: TrainingProgress,
}

/// The models of an ensemble, and which records each was trained on.
pub struct Sisa {
    shards: Vec<Selection>,
    members: Vec<Member>,
}

/// A private folder where models are kept as they are done, so that what was broken off goes on.
#[derive(Clone, Copy)]
pub struct KeptIn<'a> {
    /// The folder, which exists.
    pub folder: &'a Path,
    /// The models' network.
    pub network: &'a Network,
}

impl Sisa {
    /// Draws which shard every record belongs to, by the training's seed, and trains a model on each.
    ///
    /// # Errors
    /// Fewer than two shards, or more than records; what training and keeping meet.
    pub fn train(
        training: &Trainer<'_>,
        shards: usize,
        kept: KeptIn<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Self, CompareError> {
        let records = training.train.len();
        if !(2..=records).contains(&shards) {
            return Err(ModelError::Setting {
                setting: "the number of shards",
                found: shards.to_string(),
                expected: "at least 2, and no more than records",
            }
            .into());
        }
        let mut dealt = vec![Vec::new(); shards];
        let order = epoch_order(training.train, training.settings.seed, 0);
        for (turn, position) in order.into_iter().enumerate() {
            dealt[turn % shards].push(position);
        }
        let of = training.train.records();
        let dealt = dealt.into_iter().map(|shard| Selection::new(of, shard));
        let shards: Vec<Selection> = dealt.collect::<Result<_, _>>().map_err(Error::from)?;
        let trained = (0..).zip(&shards).map(|(shard, on)| {
            kept.member(&format!("before-{shard}"), || {
                member(training, shard, on, observer)
            })
        });
        let members = trained.collect::<Result<_, _>>()?;
        Ok(Sisa { shards, members })
    }

    /// The ensemble without some records, of which shards that had none of them keep their models; and
    /// how the training of the others went.
    ///
    /// # Errors
    /// A shard that is left without records; what training and keeping meet.
    pub fn without(
        &self,
        forgotten: &Selection,
        training: &Trainer<'_>,
        kept: KeptIn<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(Self, Vec<TrainingProgress>), CompareError> {
        let (mut shards, mut members, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for (shard, (on, before)) in (0..).zip(self.shards.iter().zip(&self.members)) {
            let left = on.difference(forgotten).map_err(Error::from)?;
            members.push(match left.len() == on.len() {
                true => before.clone(),
                false => {
                    let after = kept.member(&format!("after-{shard}"), || {
                        member(training, shard, &left, observer)
                    })?;
                    again.push(after.progress.clone());
                    after
                }
            });
            shards.push(left);
        }
        Ok((Sisa { shards, members }, again))
    }

    /// The model of every shard.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

/// A model of one shard, by a seed of its own.
fn member(
    training: &Trainer<'_>,
    shard: u64,
    on: &Selection,
    observer: &mut dyn Observer,
) -> Result<Member, CompareError> {
    let settings = TrainingSettings {
        seed: training.settings.seed.wrapping_add(shard),
        ..training.settings.clone()
    };
    let trainer = Trainer {
        train: on,
        settings: &settings,
        ..*training
    };
    let mut state = trainer.start()?;
    trainer.run(&mut state, &mut |_| Ok(()), observer)?;
    Ok(Member {
        weights: state.weights,
        progress: state.progress,
    })
}

impl KeptIn<'_> {
    /// The model of this name, which is made and kept where it is not there. A damaged file counts as
    /// none.
    fn member(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Member, CompareError>,
    ) -> Result<Member, CompareError> {
        let weights = self.folder.join(format!("{name}.safetensors"));
        let progress = self.folder.join(format!("{name}.json"));
        let there = || {
            // The weights were written first.
            let progress = serde_json::from_slice(&std::fs::read(&progress).ok()?).ok()?;
            let bytes = std::fs::read(&weights).ok()?;
            let weights = Weights::from_safetensors(self.network, &bytes).ok()?;
            Some(Member { weights, progress })
        };
        if let Some(done) = there() {
            return Ok(done);
        }
        let done = make()?;
        let bytes = done.weights.to_safetensors(self.network);
        replace(&weights, &bytes.map_err(ModelError::from)?)?;
        replace_json(&progress, &done.progress)?;
        Ok(done)
    }
}
