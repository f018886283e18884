//! Attacks find what was memorised and nothing where nothing was.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rescind::methods::MethodChoice;
use rescind::training::{Optimiser, TrainingSettings};
use rescind::{ModelChoice, Request, Run, RunConfig};
use rescind_data::Selection;
use rescind_evaluate::attack::{AttackError, AttackSettings, Features, Observed, membership};
use rescind_evaluate::fidelity::Outputs;
use rescind_network::{Activation, zoo};
use std::fmt::Write;
use std::fs;

/// Forgotten and test records as original and retrained model see them.
struct Models {
    original: [Outputs; 2],
    retrained: [Outputs; 2],
}

/// Records whose labels are pure chance: whoever knows one has memorised it.
fn chance(seed: u64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut text = "a,b,c,d,e,f,label\n".to_owned();
    for _ in 0..700 {
        for _ in 0..6 {
            write!(text, "{},", random.random_range(-1.0..1.0)).unwrap();
        }
        writeln!(text, "{}", ["x", "y", "z"][random.random_range(0..3)]).unwrap();
    }
    text
}

/// A network that knows its records by heart, and one that never saw 140 of them.
fn models(seed: u64) -> Models {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("chance.csv");
    fs::write(&table, chance(seed)).unwrap();
    let (activation, norm) = (Activation::Relu, zoo::Norm::None);
    let config = RunConfig {
        data: format!("csv:{}?label=label&test=0.5", table.display())
            .parse()
            .unwrap(),
        model: ModelChoice::Mlp {
            hidden: vec![64],
            activation,
            norm,
        },
        training: TrainingSettings {
            optimiser: Optimiser::adam(1e-2),
            epochs: 150,
            batch: 32,
            seed,
            ..TrainingSettings::default()
        },
        radius: Some(200.0),
        ..RunConfig::default()
    };
    let mut run = Run::create(&folder.path().join("run"), config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let asked = Request::of(format!("random:140?seed={seed}").parse().unwrap())
        .by(MethodChoice::named("retrain"));
    let mut fork = run.fork(&folder.path().join("fork")).unwrap();
    let forgotten = fork.forget(&asked, &mut ()).unwrap().record.forgotten;
    let of = |run: &Run| {
        let weights = run.private_weights().unwrap();
        let model = run.network_model(Vec::new()).unwrap();
        let (classifier, w) = (run.classifier().unwrap(), &weights.parameters);
        let test = classifier.test_records().unwrap();
        [
            Outputs::of(&model, w, classifier.train_records().unwrap(), &forgotten).unwrap(),
            Outputs::of(&model, w, test, &Selection::all(test.len())).unwrap(),
        ]
    };
    Models {
        original: of(&run),
        retrained: of(&fork),
    }
}

fn observed<'a>(original: &'a [Outputs; 2], unlearned: &'a [Outputs; 2]) -> Observed<'a> {
    Observed {
        original_forgotten: &original[0],
        original_unseen: &original[1],
        unlearned_forgotten: &unlearned[0],
        unlearned_unseen: &unlearned[1],
    }
}

#[test]
fn what_was_memorised_is_found_and_what_was_never_seen_is_not() {
    let settings = AttackSettings {
        features: vec![Features::Posterior, Features::SortedDifference],
        ..AttackSettings::default()
    };
    let (mut contained, mut intervals) = (0, 0);
    for seed in 0..2 {
        let models = models(seed);
        let pair = observed(&models.original, &models.retrained);
        for attack in membership(pair, &settings).unwrap() {
            let (features, area) = (attack.features, attack.performance.auc);
            assert!(area.low <= area.value && area.value <= area.high);
            assert!(attack.curve.windows(2).all(|pair| pair[0] <= pair[1]));
            if features == Features::Posterior {
                // Retrained without them: guessing.
                intervals += 1;
                contained += u32::from(area.low <= 0.5 && 0.5 <= area.high);
                assert!((area.value - 0.5).abs() < 0.15, "{area:?}");
            }
        }
        // The original model knows them.
        let alone = AttackSettings {
            features: vec![Features::Posterior],
            ..settings.clone()
        };
        let itself = observed(&models.original, &models.original);
        for attack in membership(itself, &alone).unwrap() {
            let performance = attack.performance;
            assert!(
                performance.auc.low > 0.5,
                "{:?} {performance:?}",
                attack.attacker
            );
        }
    }
    // 95 % intervals of eight attacks, four at a time on the same records.
    assert!(contained >= 6, "{contained} of {intervals}");
}

#[test]
fn too_few_records_and_strangers_are_refused() {
    let outputs = |records: usize| {
        let labels: Vec<u32> = (0..records as u32).map(|i| i % 2).collect();
        Outputs::new(2, vec![0.5; 2 * records], labels).unwrap()
    };
    let (few, many) = ([outputs(6), outputs(40)], [outputs(40), outputs(40)]);
    let settings = AttackSettings::default();
    let refused = membership(observed(&few, &few), &settings).unwrap_err();
    assert!(matches!(
        refused,
        AttackError::TooFew {
            found: 6,
            needed: 10
        }
    ));
    let refused = membership(observed(&few, &many), &settings).unwrap_err();
    assert!(matches!(refused, AttackError::Mismatch));
    let none = AttackSettings {
        folds: 1,
        ..settings.clone()
    };
    let refused = membership(observed(&many, &many), &none).unwrap_err();
    assert!(matches!(refused, AttackError::Setting { .. }));
    // Where all records look the same, every attacker guesses.
    for attack in membership(observed(&many, &many), &settings).unwrap() {
        let area = attack.performance.auc;
        assert!(
            (area.value - 0.5).abs() < 0.2,
            "{:?} {area:?}",
            attack.attacker
        );
    }
}

/// Posteriors that tell classes apart and know nothing of membership.
fn ignorant(records: usize, seed: u64) -> Outputs {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f32 / (1_u64 << 53) as f32
    };
    let labels: Vec<u32> = (0..records)
        .map(|_| (random() * 10.0) as u32 % 10)
        .collect();
    let mut logits = Vec::new();
    for label in &labels {
        logits.extend((0..10).map(|k| if k == *label { 4.0 } else { 0.0 } + 2.0 * random()));
    }
    Outputs::new(10, logits, labels).unwrap()
}

#[test]
fn guessing_is_neither_above_nor_below_one_half() {
    let settings = AttackSettings {
        features: vec![Features::Posterior, Features::DirectConcatenation],
        ..AttackSettings::default()
    };
    let (mut areas, mut contained, mut intervals) = (Vec::new(), 0, 0);
    for seed in 0..6 {
        let sets = [ignorant(300, 2 * seed + 1), ignorant(600, 2 * seed + 2)];
        let settings = AttackSettings {
            seed,
            ..settings.clone()
        };
        for attack in membership(observed(&sets, &sets), &settings).unwrap() {
            let area = attack.performance.auc;
            areas.push(area.value);
            intervals += 1;
            contained += u32::from(area.low <= 0.5 && 0.5 <= area.high);
        }
    }
    let mean = areas.iter().sum::<f64>() / areas.len() as f64;
    assert!((mean - 0.5).abs() < 0.02, "{mean} {areas:?}");
    assert!(
        contained * 10 >= intervals * 8,
        "{contained} of {intervals}: {areas:?}"
    );
}
