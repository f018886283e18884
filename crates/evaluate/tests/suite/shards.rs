//! Shards: what stays, what is trained again, and what they say together.

use rescind::training::{Trainer, TrainingSettings};
use rescind::{Observer, Progress, Run, RunConfig};
use rescind_data::Selection;
use rescind_evaluate::compare::{KeptIn, Sisa};
use rescind_evaluate::fidelity::{Outputs, OutputsError};
use std::ops::ControlFlow;

/// Lets nothing be done.
struct Stopped;

impl Observer for Stopped {
    fn observe(&mut self, _: &Progress) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[test]
fn only_models_that_saw_the_forgotten_are_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        training: TrainingSettings {
            epochs: 2,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    };
    let run = Run::create(&folder.path().join("run"), config, None, &mut ()).unwrap();
    let all = run.retained();
    let none = Selection::none(all.records());
    let on = |train| Trainer {
        model: run.model(),
        train,
        validation: &none,
        settings: &run.settings().training,
        ball: run.ball(),
    };
    let whole = on(all);
    let private = folder.path().join("shards");
    std::fs::create_dir(&private).unwrap();
    let network = run.classifier().unwrap().network();
    let (folder, none_left) = (&*private, &mut Stopped);
    let kept = KeptIn { folder, network };
    let sisa = Sisa::train(&whole, 4, kept, &mut ()).unwrap();
    // What is kept is not trained again.
    let again = Sisa::train(&whole, 4, kept, none_left).unwrap();
    assert_eq!(again.members(), sisa.members());
    assert_eq!(sisa.members().len(), 4);
    let gone = Selection::new(all.records(), vec![all.positions()[3]]).unwrap();
    let (without, trained) = sisa.without(&gone, &whole, kept, &mut ()).unwrap();
    assert_eq!(trained.len(), 1);
    let pairs = || sisa.members().iter().zip(without.members());
    assert_eq!(pairs().filter(|(before, after)| before != after).count(), 1);

    // Each is what training on its shard alone gives: no record acts on two of them, and all that act
    // on the one trained again are its own, the forgotten one apart.
    let shard = pairs().position(|(before, after)| before != after).unwrap();
    let order = rescind_data::epoch_order(all, whole.settings.seed, 0);
    let dealt = order.iter().enumerate();
    let own = dealt
        .filter(|(turn, _)| turn % 4 == shard)
        .map(|(_, &at)| at);
    let left: Vec<usize> = own.filter(|at| !gone.positions().contains(at)).collect();
    assert_eq!(left.len(), all.len() / 4 - 1);
    let left = Selection::new(all.records(), left).unwrap();
    let settings = TrainingSettings {
        seed: whole.settings.seed + shard as u64,
        ..whole.settings.clone()
    };
    let trainer = Trainer {
        settings: &settings,
        ..on(&left)
    };
    let mut state = trainer.start().unwrap();
    trainer.run(&mut state, &mut |_| Ok(()), &mut ()).unwrap();
    assert_eq!(without.members()[shard].weights, state.weights);

    for shards in [0, 1, all.len() + 1] {
        let refused = Sisa::train(&whole, shards, kept, &mut ()).err().unwrap();
        assert!(refused.to_string().contains("shards"), "{refused}");
    }
}

#[test]
fn several_models_say_the_mean_of_their_posteriors() {
    let of = |logits: [f32; 6]| Outputs::new(3, logits.to_vec(), vec![0, 2]).unwrap();
    let models = [
        of([1.0, 2.0, 3.0, 0.0, -900.0, 900.0]),
        of([-4.0, 0.5, 0.0, 800.0, 0.0, 0.0]),
    ];
    let together = Outputs::averaged(&models).unwrap();
    let [first, second] = [models[0].probabilities(), models[1].probabilities()];
    let expected = first.iter().zip(&second).map(|(a, b)| 0.5 * (a + b));
    for (found, expected) in together.probabilities().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    assert_eq!(together.labels(), [0, 2]);
    let other = Outputs::new(3, vec![0.0; 6], vec![0, 1]).unwrap();
    for wrong in [vec![models[0].clone(), other], Vec::new()] {
        let refused = Outputs::averaged(&wrong);
        assert!(matches!(refused, Err(OutputsError::Length { .. })));
    }
}
