//! The attacks of a report are those of the attack module, on the models it names.

use crate::checks::{check_figures, check_page, figure, series};
use crate::common::{released, released_run, small, unreleased};
use rescind::methods::MethodChoice;
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Parameterisation, Run, RunConfig};
use rescind_data::Selection;
use rescind_evaluate::attack::{Attack, AttackSettings, Features, Observed, membership};
use rescind_evaluate::fidelity::Outputs;
use rescind_evaluate::report::{Block, Options, Report, Scale, of_run};
use rescind_network::Weights;

fn attacked(run: &Run, seed: u64) -> Report {
    let attack = AttackSettings {
        seed,
        ..AttackSettings::default()
    };
    let options = Options {
        attack: Some(attack),
        ..Options::default()
    };
    of_run(run, &options, &mut ()).unwrap()
}

/// The best attack on these weights alone.
fn best(run: &Run, weights: &Weights<f32>, settings: &AttackSettings) -> Attack {
    let model = run.network_model(weights.statistics.clone()).unwrap();
    let (classifier, w) = (run.classifier().unwrap(), &weights.parameters);
    let forgotten = run.split().train.difference(run.retained()).unwrap();
    let of = |dataset, selection| Outputs::of(&model, w, dataset, selection).unwrap();
    let forgotten = of(classifier.train_records().unwrap(), &forgotten);
    let test = classifier.test_records().unwrap();
    let unseen = of(test, &Selection::all(test.len()));
    let observed = Observed {
        original_forgotten: &forgotten,
        original_unseen: &unseen,
        unlearned_forgotten: &forgotten,
        unlearned_unseen: &unseen,
    };
    let settings = AttackSettings {
        features: vec![Features::Posterior],
        ..settings.clone()
    };
    let made = membership(observed, &settings).unwrap().into_iter();
    let area = |attack: &Attack| attack.performance.auc.value;
    made.max_by(|a, b| area(a).total_cmp(&area(b))).unwrap()
}

#[test]
fn the_curves_are_those_of_attacks_on_the_models_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = released_run(folder.path());
    run.forget(&released("random:30?seed=2", 150.0), &mut ())
        .unwrap();
    let report = attacked(&run, 3);
    check_page(&report.to_html());
    check_figures(&report);
    let roc = figure(&report, "roc");
    let names: Vec<&str> = roc.chart.series.iter().map(|s| s.name.as_str()).collect();
    let pair = "pair: original and unlearned (private)";
    assert_eq!(
        names,
        [
            "original",
            "unlearned (private)",
            "released",
            pair,
            "guessing"
        ]
    );
    let axes = (&roc.chart.x.scale, &roc.chart.y.scale);
    assert_eq!(axes, (&Scale::Log, &Scale::Log));
    let guessing = series(roc, "guessing");
    assert!(guessing.iter().all(|(x, y)| (x - y).abs() < 1e-15));

    let file = folder.path().join("releases/000002/weights.safetensors");
    let file = std::fs::read(file).unwrap();
    let network = run.classifier().unwrap().network();
    let release = Weights::<f32>::from_safetensors(network, &file).unwrap();
    let settings = AttackSettings {
        seed: 3,
        ..AttackSettings::default()
    };
    let blocks = report.sections.iter().flat_map(|section| &section.blocks);
    let table = blocks
        .filter_map(|block| match block {
            Block::Table(table) if table.head[0] == "model attacked" => Some(table),
            _ => None,
        })
        .next()
        .unwrap();
    for (name, weights) in [
        ("unlearned (private)", run.private_weights().unwrap()),
        ("released", &release),
    ] {
        let expected = best(&run, weights, &settings);
        let drawn: Vec<f64> = series(roc, name).iter().map(|point| point.1).collect();
        assert_eq!(drawn, expected.curve, "{name}");
        let row = table.rows.iter().find(|row| row[0] == name).unwrap();
        let area: f64 = row[1].parse().unwrap();
        assert!(
            (area - expected.performance.auc.value).abs() < 1e-4,
            "{row:?}"
        );
        // The caption says the same, and how far it may be off.
        let low = format!("{name}: {} (", row[1]);
        assert!(roc.caption.contains(&low), "{}", roc.caption);
        let found = expected.performance.found_at_1_percent.value;
        assert_eq!(row[3], format!("{:.1}\u{a0}%", 100.0 * found));
    }
    assert_eq!(table.rows.len(), 4);
    assert!(table.caption.contains("60 forgotten records") && table.caption.contains("seed 3"));
    // The same again with the same seed; another seed draws other records and folds.
    assert_eq!(figure(&attacked(&run, 3), "roc"), roc);
    assert_ne!(figure(&attacked(&run, 4), "roc"), roc);

    // Whose model it is, and what it is to be compared with.
    let page = report.to_html();
    for said in [
        "for the owner's eyes",
        "Others can attack what was released",
        "not retrained yet (rescind retrain)",
    ] {
        assert!(page.contains(said), "{said}");
    }
    run.retrain(&mut ()).unwrap();
    run.forget(&unreleased("random:5?seed=9"), &mut ()).unwrap();
    let page = attacked(&run, 3).to_html();
    assert!(page.contains("1 request answered since, whose records the release has not forgotten"));
    run.retrain(&mut ()).unwrap();
    let roc = attacked(&run, 3);
    let retrained = series(figure(&roc, "roc"), "retrained");
    assert_eq!(retrained.len(), 41);
    assert!(
        !roc.to_html()
            .contains("not retrained yet (rescind retrain)")
    );
}

/// A tangent model is no network with other weights: read as one, it guesses.
#[test]
fn releases_of_tangent_models_are_measured_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig {
        parameterisation: Parameterisation::Tangent,
        model: ModelChoice::default(),
        training: TrainingSettings {
            penalty: 1e-3,
            until_gradient: Some(1e-5),
            ..TrainingSettings::default()
        },
        ..small()
    };
    let mut run = Run::create(folder.path(), config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let asked = released("random:30?seed=1", 1e-4).by(MethodChoice::named("tangent"));
    run.forget(&asked, &mut ()).unwrap();
    let report = of_run(&run, &Options::default(), &mut ()).unwrap();
    let drawn = series(figure(&report, "trade-off"), "releases")[0].1;
    let measured = run.evaluate(&mut ()).unwrap().released.unwrap();
    assert!(
        (drawn - 100.0 * measured.test.accuracy.unwrap()).abs() < 1e-9,
        "{drawn}"
    );
}
