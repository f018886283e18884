//! Baselines against the run's own trainer and objective.

use rescind::training::{Optimiser, Trainer, TrainingSettings, TrainingState};
use rescind::{
    Error, ModelError, NetworkModel, NetworkObjective, Objective, Run, RunConfig, Scaling,
};
use rescind_data::{Dataset, Selection, epoch_order};
use rescind_evaluate::baseline::{Baseline, BaselineTask};
use rescind_evaluate::fidelity::{Outputs, RelearnTask, Scores, relearn};
use rescind_network::Weights;
use tempfile::TempDir;

/// A trained run on the digits, and 100 of its records to forget.
struct Case {
    run: Run,
    forgotten: Selection,
    retained: Selection,
    _folder: TempDir,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = RunConfig {
            scaling: Scaling::Fixed,
            training: TrainingSettings {
                epochs: 15,
                batch: 32,
                ..TrainingSettings::default()
            },
            ..RunConfig::default()
        };
        let mut run = Run::create(&folder.path().join("run"), config, None, &mut ()).unwrap();
        run.train(&mut ()).unwrap();
        let request = "random:100?seed=3".parse().unwrap();
        let forgotten = run.resolve(&[request]).unwrap().forget;
        let retained = run.retained().difference(&forgotten).unwrap();
        Case {
            run,
            forgotten,
            retained,
            _folder: folder,
        }
    }

    fn original(&self) -> &Weights<f32> {
        self.run.private_weights().unwrap()
    }

    fn model(&self) -> NetworkModel<'_> {
        self.run.network_model(Vec::new()).unwrap()
    }

    fn records(&self) -> &Dataset {
        self.run.classifier().unwrap().train_records().unwrap()
    }

    fn settings(&self) -> TrainingSettings {
        self.run.settings().training.clone()
    }

    fn forget(&self, baseline: Baseline) -> Result<Weights<f32>, Error> {
        self.forget_with(baseline, &self.settings(), 5)
    }

    fn forget_with(
        &self,
        baseline: Baseline,
        training: &TrainingSettings,
        seed: u64,
    ) -> Result<Weights<f32>, Error> {
        let model = self.model();
        let task = BaselineTask {
            model: &model,
            weights: self.original(),
            dataset: self.records(),
            retained: &self.retained,
            forgotten: &self.forgotten,
            training: Trainer {
                model: self.run.model(),
                train: self.run.retained(),
                validation: &Selection::none(self.records().len()),
                settings: training,
                ball: self.run.ball(),
            },
            seed,
        };
        let kept = baseline.kept(&task, &mut ())?;
        baseline.forget(&task, kept, &mut ())
    }

    fn loss(&self, weights: &Weights<f32>, on: &Selection) -> f64 {
        let outputs = Outputs::of(&self.model(), &weights.parameters, self.records(), on).unwrap();
        Scores::of(&outputs).loss
    }

    /// Training by the run's own trainer from the original weights.
    fn trained(&self, on: &Selection, settings: &TrainingSettings) -> Weights<f32> {
        let trainer = Trainer {
            model: self.run.model(),
            train: on,
            validation: &Selection::none(self.records().len()),
            settings,
            ball: self.run.ball(),
        };
        let mut state: TrainingState = trainer.start().unwrap();
        state.weights = self.original().clone();
        trainer.run(&mut state, &mut |_| Ok(()), &mut ()).unwrap();
        state.weights
    }
}

fn largest_gap(a: &[f32], b: &[f32]) -> f32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn each_does_what_its_definition_says() {
    let case = Case::new();
    let w = &case.original().parameters;
    let before = case.loss(case.original(), &case.forgotten);

    assert_eq!(
        case.forget(Baseline::Original {}).unwrap(),
        *case.original()
    );

    // Fine-tuning is the run's own training, gone on with.
    let settings = TrainingSettings {
        epochs: 2,
        seed: 5,
        ..case.settings()
    };
    let tuned = case.forget(Baseline::FineTuning { epochs: 2 }).unwrap();
    assert_eq!(tuned, case.trained(&case.retained, &settings));

    // One epoch of ascent in one minibatch is one step up the gradient.
    let ascent = Baseline::GradientAscent {
        epochs: 1,
        learning_rate: 0.05,
    };
    let whole = TrainingSettings {
        batch: 100,
        ..case.settings()
    };
    let ascended = case.forget_with(ascent, &whole, 5).unwrap();
    let model = case.model();
    let records = case.records();
    let objective = NetworkObjective::new(&model, records, &case.forgotten).unwrap();
    let mut gradient = vec![0.0; w.len()];
    objective.gradient(w, &mut gradient).unwrap();
    let expected: Vec<f32> = w.iter().zip(&gradient).map(|(w, g)| w + 0.05 * g).collect();
    assert!(largest_gap(&ascended.parameters, &expected) < 1e-6);
    assert!(case.loss(&ascended, &case.forgotten) > before);

    // Wrong labels are learnt, so the right ones are lost.
    let mislabelled = case.forget(Baseline::RandomLabels { epochs: 20 }).unwrap();
    let tuned = case.forget(Baseline::FineTuning { epochs: 20 }).unwrap();
    let (on_wrong, on_right) = (&mislabelled, &tuned);
    assert!(case.loss(on_wrong, &case.forgotten) > 2.0 * case.loss(on_right, &case.forgotten));
    assert!(case.loss(on_wrong, &case.forgotten) > before);

    // The noise of Fisher forgetting is proportional to alpha.
    let fisher = |alpha: f64| {
        let baseline = Baseline::Fisher {
            alpha,
            records: 200,
        };
        let noised = case.forget(baseline).unwrap().parameters;
        noised
            .iter()
            .zip(w)
            .map(|(new, old)| new - old)
            .collect::<Vec<f32>>()
    };
    let (one, two) = (fisher(1e-4), fisher(2e-4));
    let twice: Vec<f32> = one.iter().map(|noise| 2.0 * noise).collect();
    assert!(largest_gap(&twice, &two) < 1e-5 && largest_gap(&one, &vec![0.0; one.len()]) > 1e-4);

    // SCRUB without divergence and ascent is fine-tuning at its own learning rate.
    let scrub = |max_epochs, alpha, gamma| Baseline::Scrub {
        epochs: 2,
        max_epochs,
        alpha,
        gamma,
        learning_rate: 5e-4,
    };
    let plain = case.forget(scrub(0, 0.0, 1.0)).unwrap();
    let places = Selection::all(case.retained.len());
    assert_ne!(epoch_order(&places, 5, 0), epoch_order(&places, 5, 1));
    let settings = TrainingSettings {
        optimiser: Optimiser::adam(5e-4),
        epochs: 2,
        seed: 5,
        ..case.settings()
    };
    let tuned = case.trained(&case.retained, &settings);
    assert!(largest_gap(&plain.parameters, &tuned.parameters) < 1e-3);
    // The ascent takes it away from the original on the forgotten records.
    let scrubbed = case.forget(scrub(2, 0.5, 1.0)).unwrap();
    assert!(case.loss(&scrubbed, &case.forgotten) > case.loss(&plain, &case.forgotten));

    // Dampening shrinks some weights, and none where nothing is important enough.
    let dampen = |alpha| Baseline::Dampening {
        alpha,
        lambda: 1.0,
        records: 1440,
    };
    let dampened = case.forget(dampen(1.3)).unwrap().parameters;
    let shrunk = dampened
        .iter()
        .zip(w)
        .filter(|(new, old)| new.abs() < old.abs())
        .count();
    assert!(
        shrunk > 0 && shrunk < w.len() / 2,
        "{shrunk} of {}",
        w.len()
    );
    let shrinks = |(new, old): (&f32, &f32)| new.abs() <= old.abs() && new * old >= 0.0;
    assert!(dampened.iter().zip(w).all(shrinks));
    assert_eq!(case.forget(dampen(1e9)).unwrap().parameters, *w);
}

#[test]
fn what_is_drawn_follows_the_seed() {
    let case = Case::new();
    for baseline in [
        Baseline::RandomLabels { epochs: 1 },
        Baseline::Fisher {
            alpha: 1e-3,
            records: 50,
        },
    ] {
        let with = |seed| {
            case.forget_with(baseline.clone(), &case.settings(), seed)
                .unwrap()
        };
        assert_eq!(with(1), with(1), "{}", baseline.name());
        assert_ne!(with(1), with(2), "{}", baseline.name());
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let case = Case::new();
    let scrub = |alpha, gamma, learning_rate| Baseline::Scrub {
        epochs: 1,
        max_epochs: 1,
        alpha,
        gamma,
        learning_rate,
    };
    for baseline in [
        Baseline::FineTuning { epochs: 0 },
        Baseline::RandomLabels { epochs: 0 },
        Baseline::GradientAscent {
            epochs: 1,
            learning_rate: f64::NAN,
        },
        Baseline::Fisher {
            alpha: 0.0,
            records: 1,
        },
        Baseline::Fisher {
            alpha: 1.0,
            records: 0,
        },
        scrub(0.0, 0.0, 1e-3),
        scrub(-1.0, 2.0, 1e-3),
        scrub(1.0, 1.0, 0.0),
        Baseline::Dampening {
            alpha: 1.0,
            lambda: -1.0,
            records: 1,
        },
    ] {
        let refused = case.forget(baseline.clone()).unwrap_err();
        assert!(
            matches!(refused, Error::Unlearn(ModelError::Setting { .. })),
            "{baseline:?}"
        );
    }
}

#[test]
fn relearning_stops_where_the_runs_own_training_does() {
    let case = Case::new();
    let model = case.model();
    let target = case.loss(case.original(), &case.forgotten);
    let forgot = case.forget(Baseline::RandomLabels { epochs: 5 }).unwrap();
    let settings = case.settings();
    let take = |weights: &Weights<f32>, limit: u64| {
        let task = RelearnTask {
            model: &model,
            weights,
            dataset: case.records(),
            forgotten: &case.forgotten,
            optimiser: settings.optimiser,
            // All of them: one step an epoch.
            batch: case.forgotten.len(),
            statistics_momentum: settings.statistics_momentum,
            seed: 1,
            target,
            limit,
        };
        relearn(&task, &mut ()).unwrap().steps
    };
    assert_eq!(take(case.original(), 0), Some(0));
    let steps = take(&forgot, 500).unwrap();
    assert!(steps > 1, "{steps}");
    assert_eq!(
        (take(&forgot, steps - 1), take(&forgot, steps)),
        (None, Some(steps))
    );

    let after = |epochs: u64| {
        let settings = TrainingSettings {
            epochs,
            batch: case.forgotten.len(),
            seed: 1,
            ..settings.clone()
        };
        let trainer = Trainer {
            model: case.run.model(),
            train: &case.forgotten,
            validation: &Selection::none(case.records().len()),
            settings: &settings,
            ball: case.run.ball(),
        };
        let mut state = trainer.start().unwrap();
        state.weights = forgot.clone();
        trainer.run(&mut state, &mut |_| Ok(()), &mut ()).unwrap();
        case.loss(&state.weights, &case.forgotten)
    };
    assert!(after(steps) <= target && after(steps - 1) > target);
}

/// Back to the very beginning, and from the weights that training began with: both are retraining.
#[test]
fn what_starts_before_any_record_was_seen_is_retraining() {
    let case = Case::new();
    let settings = case.settings();
    let trainer = Trainer {
        model: case.run.model(),
        train: &case.retained,
        validation: &Selection::none(case.records().len()),
        settings: &settings,
        ball: case.run.ball(),
    };
    let mut state = trainer.start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("start.safetensors");
    let network = case.model().network.clone();
    std::fs::write(&file, state.weights.to_safetensors(&network).unwrap()).unwrap();
    trainer.run(&mut state, &mut |_| Ok(()), &mut ()).unwrap();
    let retrained = state.weights;

    let rewound = |epoch| {
        let baseline = Baseline::RewindToDelete { epoch };
        case.forget_with(baseline, &settings, 5)
    };
    assert_eq!(rewound(0).unwrap(), retrained);
    let from = |weights: &std::path::Path, epochs| {
        let weights = weights.to_owned();
        let baseline = Baseline::RetrainFromCheckpoint { weights, epochs };
        case.forget_with(baseline, &settings, settings.seed)
    };
    assert_eq!(from(&file, settings.epochs).unwrap(), retrained);

    // The later the epoch, the more of the forgotten records is left.
    let left = |weights: &Weights<f32>| case.loss(weights, &case.forgotten);
    let late = rewound(settings.epochs - 1).unwrap();
    assert!(
        left(&late) < left(&retrained),
        "{} {}",
        left(&late),
        left(&retrained)
    );
    let refused = rewound(settings.epochs).unwrap_err().to_string();
    assert!(refused.contains("below those of training"), "{refused}");
    let refused = from(&folder.path().join("none"), 1)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("none"), "{refused}");
    let refused = from(&file, 0).unwrap_err().to_string();
    assert!(refused.contains("epochs"), "{refused}");
}
