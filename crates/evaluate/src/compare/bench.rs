//! What all methods of one seed share: the original run, the retrained one, and what they say.

use super::config::{ORIGINAL, RETRAIN};
use super::sisa::Member;
use super::store::{Folder, make, remove};
use super::{CompareError, Comparison};
use crate::fidelity::Outputs;
use rescind::methods::MethodChoice;
use rescind::training::{Trainer, TrainingProgress};
use rescind::{Error, Observer, Run};
use rescind::{ModelError, Request};
use rescind_data::Selection;
use rescind_network::Weights;

/// What a model says of the three sets.
pub(super) struct Answers {
    pub forgotten: Outputs,
    pub retained: Outputs,
    pub test: Outputs,
}

/// The bench of one seed.
pub(super) struct Bench {
    pub run: Run,
    pub forgotten: Selection,
    pub retained: Selection,
    pub test: Selection,
    pub original: Answers,
    pub retrained: Answers,
    pub retrained_weights: Weights<f32>,
    /// How the two trainings went.
    pub training: TrainingProgress,
    pub retraining: TrainingProgress,
}

impl Bench {
    /// Trains and retrains, going on where an earlier sitting stopped.
    pub fn prepare(
        comparison: &Comparison,
        seed: u64,
        folder: &Folder,
        observer: &mut dyn Observer,
    ) -> Result<Self, CompareError> {
        let root = folder.run(seed, ORIGINAL);
        make(&root)?;
        let config = comparison.run_config(seed)?;
        let mut run = Run::create_or_open(&root, config, None, observer)?;
        let training = run.train(observer)?.clone();
        let request = comparison.request(seed);
        let forgotten = run.resolve(std::slice::from_ref(&request))?.forget;
        let retained = run.retained().difference(&forgotten).map_err(Error::from)?;

        let root = folder.run(seed, RETRAIN);
        let mut reference = match Run::open(&root) {
            Ok(begun) => begun,
            Err(Error::NoRun { .. }) => {
                remove(&root)?;
                run.fork(&root)?
            }
            Err(other) => return Err(other.into()),
        };
        if *reference.retained() != retained {
            let asked = Request::of(request).by(MethodChoice::named("retrain"));
            reference.forget(&asked, observer)?;
        }
        let answers = reference.answers()?;
        let retraining = answers.last().and_then(|last| last.method.details());
        let retraining = retraining.ok_or(Error::Unlearn(ModelError::NoRecords))?;
        let retrained_weights = reference.private_weights()?.clone();
        let test = Selection::all(run.classifier()?.test_records()?.len());
        let sets = (&forgotten, &retained, &test);
        let original = Answers::of(&run, run.private_weights()?, sets)?;
        let retrained = Answers::of(&run, &retrained_weights, sets)?;
        Ok(Bench {
            run,
            forgotten,
            retained,
            test,
            original,
            retrained,
            retrained_weights,
            training,
            retraining,
        })
    }

    /// The original training: of all records.
    pub fn original_training(&self) -> Trainer<'_> {
        Trainer {
            model: self.run.model(),
            train: self.run.retained(),
            validation: &self.run.split().validation,
            settings: &self.run.settings().training,
            ball: self.run.ball(),
        }
    }

    /// What several models say together.
    pub fn answers_together(&self, members: &[Member]) -> Result<Answers, CompareError> {
        let all = members.iter().map(|member| self.answers(&member.weights));
        let all: Vec<Answers> = all.collect::<Result<_, _>>()?;
        let of = |set: fn(&Answers) -> &Outputs| {
            let outputs: Vec<Outputs> = all.iter().map(|one| set(one).clone()).collect();
            Outputs::averaged(&outputs)
        };
        Ok(Answers {
            forgotten: of(|one| &one.forgotten)?,
            retained: of(|one| &one.retained)?,
            test: of(|one| &one.test)?,
        })
    }

    /// What a model with these weights says.
    pub fn answers(&self, weights: &Weights<f32>) -> Result<Answers, Error> {
        let sets = (&self.forgotten, &self.retained, &self.test);
        Answers::of(&self.run, weights, sets)
    }
}

impl Answers {
    fn of(
        run: &Run,
        weights: &Weights<f32>,
        (forgotten, retained, test): (&Selection, &Selection, &Selection),
    ) -> Result<Self, Error> {
        let model = run.network_model(weights.statistics.clone())?;
        let w = &weights.parameters;
        let (train, unseen) = (
            run.classifier()?.train_records()?,
            run.classifier()?.test_records()?,
        );
        Ok(Answers {
            forgotten: Outputs::of(&model, w, train, forgotten)?,
            retained: Outputs::of(&model, w, train, retained)?,
            test: Outputs::of(&model, w, unseen, test)?,
        })
    }
}
