//! The digits experiment, broken off and gone on with.

use rescind::methods::MethodChoice as Method;
use rescind::{Error, ModelError, Observer, Phase, Progress};
use rescind_data::{DataSource, Dataset, RecordRequest};
use rescind_evaluate::baseline::Baseline;
use rescind_evaluate::compare::{
    CellKind, CompareError, Comparison, Likelihood, MethodChoice, Results, Stage, Watcher, compare,
};
use rescind_network::{Evaluator, Network};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn experiment(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../experiments")
        .join(name)
}

/// The digits experiment with one seed, a short training and few attacks.
fn small() -> Comparison {
    let mut comparison = Comparison::read(&experiment("digits.toml")).unwrap();
    comparison.seeds.truncate(1);
    comparison.training.insert("epochs".into(), 8.into());
    for entry in &mut comparison.methods {
        if let MethodChoice::Baseline {
            baseline: Baseline::RewindToDelete { epoch },
        } = &mut entry.method
        {
            *epoch = 5;
        }
    }
    comparison.likelihood = None;
    comparison.relearn_limit = 10;
    comparison.attack.records = 60;
    comparison
}

/// Counts stages, and breaks once some steps of work are done.
#[derive(Default)]
struct Log {
    stages: Vec<(usize, String, Option<f64>)>,
    steps: u64,
    break_after: Option<u64>,
}

impl Observer for Log {
    fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.steps += u64::from(progress.phase == Phase::Train);
        match self.break_after.is_some_and(|most| self.steps > most) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Watcher for Log {
    fn stage(&mut self, stage: &Stage<'_>) {
        let seconds = stage.seconds_left;
        self.stages
            .push((stage.done, stage.method.to_owned(), seconds));
    }
}

/// Everything but times.
fn timeless(mut results: Results) -> Results {
    for row in &mut results.rows {
        row.metrics.remove("seconds");
    }
    for cell in &mut results.cells {
        (cell.seconds, cell.elapsed) = (0.0, 0.0);
        cell.phases.iter_mut().for_each(|phase| phase.seconds = 0.0);
    }
    results
}

#[test]
fn every_experiment_reads_and_starts_inside_its_ball() {
    for entry in fs::read_dir(experiment("")).unwrap() {
        let path = entry.unwrap().path();
        let comparison = Comparison::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let shape = match comparison.data {
            DataSource::Digits => vec![1, 8, 8],
            DataSource::Mnist(_) => vec![1, 28, 28],
            _ => vec![3, 32, 32],
        };
        let classes = (0..10).map(|class| class.to_string()).collect();
        let none = Dataset::new("none", shape, classes, vec![], vec![]).unwrap();
        let network = Network::new(comparison.model.describe(&none).unwrap()).unwrap();
        for &seed in &comparison.seeds {
            let norm = Evaluator::<f32>::norm(&network.initialise(seed));
            assert!(norm < comparison.radius, "{}: {norm}", comparison.name);
        }
    }
}

/// The page's comparison reads, and it names every kind there is.
#[test]
fn the_page_on_comparisons_knows_every_method() {
    let page = experiment("../docs/compare.md");
    let page = fs::read_to_string(page).unwrap();
    let written = page.split("```toml\n").nth(1).unwrap();
    let written = written.split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.toml");
    fs::write(&file, written).unwrap();
    let comparison = Comparison::read(&file).unwrap();
    assert_eq!(comparison.methods.len(), 5);

    let none = serde_json::json!({"kind": "zzz"});
    for error in [
        serde_json::from_value::<MethodChoice>(none.clone()).unwrap_err(),
        serde_json::from_value::<Baseline>(none.clone()).unwrap_err(),
    ] {
        let error = error.to_string();
        let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(known.len() > 4, "{error}");
        for kind in known {
            assert!(page.contains(&format!("| `{kind}` | ")), "{kind}");
        }
    }
}

#[test]
#[ignore = "slow tier: runs every method twice"]
fn all_methods_side_by_side_and_the_same_when_broken_off() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut comparison = small();
    // Noise of a real release is never twice the same.
    comparison.methods[1]
        .release
        .as_mut()
        .unwrap()
        .insecure_noise_seed = Some(1);
    let mut log = Log::default();
    let results = compare(&comparison, whole.path(), &mut log).unwrap();

    let methods = comparison.methods.len() + 2;
    assert_eq!(
        (results.rows.len(), results.cells.len()),
        (methods, methods)
    );
    assert_eq!(log.stages.len(), methods);
    assert_eq!(
        (log.stages[0].0, &*log.stages[0].1, log.stages[0].2),
        (0, "retrain", None)
    );
    assert!(
        log.stages[1..]
            .iter()
            .all(|stage| stage.2.is_some_and(|left| left > 0.0))
    );

    let cells: BTreeMap<&str, _> = results
        .cells
        .iter()
        .map(|cell| (&*cell.method, cell))
        .collect();
    let retrain = &cells["retrain"].fidelity;
    assert!(retrain.to_retrained.unwrap() <= 0.0 && retrain.test.agreement.unwrap() >= 1.0);
    assert!(retrain.forgotten.divergence.unwrap() <= 0.0);
    assert_eq!(cells["original"].fidelity.relearn.unwrap().steps, Some(0));
    assert_eq!(cells["original"].attacks.len(), 4);
    assert_eq!(cells["newton"].attacks.len(), 24);
    assert!(cells["newton"].products > 0 && cells["scrub"].products == 0);
    // Several models have no weights to compare, and forgot exactly.
    let shards = &cells["sisa"];
    assert_eq!(shards.kind, CellKind::Exact);
    assert!(shards.fidelity.to_retrained.is_none() && shards.fidelity.relearn.is_none());
    assert_eq!(shards.attacks.len(), 24);
    for cell in &results.cells {
        assert_eq!(
            cell.fidelity.forgotten.scores.records, 100,
            "{}",
            cell.method
        );
        assert_eq!(cell.fidelity.retained.scores.records, 1340);
        assert!(cell.likelihood.is_none() && cell.no_attack.is_none());
        // Only what was released promises anything.
        assert_eq!(cell.promise.is_some(), cell.method == "newton-released");
        let certified = cell.method.starts_with("newton");
        assert_eq!(cell.kind == CellKind::Certified, certified);
    }
    // Whoever knows the seed of its noise can take it off.
    let promise = cells["newton-released"].promise.as_ref().unwrap();
    assert!(promise.epsilon > 1e6 && (promise.sigma - 0.01).abs() < 1e-9);

    // Broken off every so often, it comes to the same.
    let mut sittings = 0;
    let pieced = loop {
        let break_after = Some(700);
        let mut log = Log {
            break_after,
            ..Log::default()
        };
        sittings += 1;
        match compare(&comparison, parts.path(), &mut log) {
            Ok(results) => break results,
            Err(CompareError::Run(Error::Unlearn(ModelError::Interrupted { .. }))) => {
                assert!(sittings < 100);
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(sittings > 3, "{sittings}");
    assert_eq!(timeless(pieced), timeless(results.clone()));

    // Nothing un-noised lies outside a private folder.
    let mut stack = vec![whole.path().to_owned()];
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true if name == "private" => {}
                true => stack.push(path),
                false => assert!(!name.ends_with(".safetensors"), "{path:?}"),
            }
        }
    }

    // The files say what was returned.
    let json = fs::read(whole.path().join("results.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Results>(&json).unwrap(), results);
    let csv = fs::read_to_string(whole.path().join("results.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + methods);
    let table = fs::read_to_string(whole.path().join("results.md")).unwrap();
    assert!(table.contains("| retrain | the reference |") && table.contains("| scrub | none |"));
    assert!(table.contains("| newton | none: not released |") && table.contains("(assumed)"));

    // With nothing left to do, page and figures are made again.
    let made = || {
        let mut files = vec![whole.path().join("results.html")];
        for file in fs::read_dir(whole.path().join("figures")).unwrap() {
            files.push(file.unwrap().path());
        }
        files.sort();
        files
            .into_iter()
            .map(|file| (file.clone(), fs::read(file).unwrap()))
            .collect::<Vec<_>>()
    };
    let before = made();
    assert_eq!(
        before.len(),
        1 + 2 * 5,
        "a page, and five figures in two forms"
    );
    fs::remove_file(whole.path().join("results.html")).unwrap();
    fs::remove_dir_all(whole.path().join("figures")).unwrap();
    // What a process leaves that dies between keeping a cell and removing its run.
    let seed = whole
        .path()
        .join("seeds")
        .join(comparison.seeds[0].to_string());
    let left = seed.join(&comparison.methods[0].name);
    assert!(!left.exists());
    fs::create_dir(&left).unwrap();
    let mut log = Log::default();
    assert_eq!(
        compare(&comparison, whole.path(), &mut log).unwrap(),
        results
    );
    assert!(log.stages.is_empty());
    assert_eq!(made(), before);
    assert!(!left.exists());
}

#[test]
fn a_method_that_fails_holds_up_no_other_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut comparison = small();
    comparison.methods.truncate(1);
    let mut impossible = comparison.methods[0].clone();
    impossible.name = "impossible".to_owned();
    impossible.method = MethodChoice::Certified {
        method: Method::named("tangent"),
    };
    comparison.methods.insert(0, impossible);
    let page = || fs::read_to_string(folder.path().join("results.html")).unwrap();

    let mut log = Log {
        break_after: Some(0),
        ..Log::default()
    };
    let stopped = compare(&comparison, folder.path(), &mut log).unwrap_err();
    assert!(matches!(
        stopped,
        CompareError::Run(Error::Unlearn(ModelError::Interrupted { .. }))
    ));
    let shown = folder.path().join("results.html").exists();
    assert!(!shown, "nothing was measured yet");

    for _ in 0..2 {
        let mut log = Log::default();
        let results = compare(&comparison, folder.path(), &mut log).unwrap();
        assert!(log.stages.iter().any(|stage| stage.1 == "impossible"));
        let rows: Vec<&str> = results.rows.iter().map(|row| &*row.method).collect();
        assert_eq!(rows, ["retrain", "original", "newton"]);
        let [missing] = &results.missing[..] else {
            panic!("{:?}", results.missing)
        };
        let why = missing.failed.as_ref().unwrap();
        assert_eq!((&*missing.method, missing.seed), ("impossible", 42));
        assert!(why.contains("tangent"), "{why}");
        assert!(page().contains("impossible with seed 42 failed"));
    }
}

#[test]
fn shadows_forget_as_their_targets_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut comparison = small();
    comparison.likelihood = Some(Likelihood {
        shadows: 6,
        records: 50,
    });
    comparison
        .methods
        .retain(|entry| entry.name.starts_with("newton") || entry.name == "scrub");
    let results = compare(&comparison, folder.path(), &mut ()).unwrap();
    assert_eq!(results.cells.len(), 5);
    for cell in &results.cells {
        let attack = cell.likelihood.unwrap();
        assert_eq!(attack.records, 50, "{}", cell.method);
        assert!(
            attack.auc.value > 0.3 && attack.auc.value < 0.9,
            "{attack:?}"
        );
    }
    assert!(results.rows[0].metrics.contains_key("likelihood_auc"));
}

#[test]
fn a_folder_of_another_comparison_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut comparison = small();
    comparison.methods.clear();
    compare(&comparison, folder.path(), &mut ()).unwrap();
    comparison.relearn_limit += 1;
    let refused = compare(&comparison, folder.path(), &mut ()).unwrap_err();
    assert!(matches!(refused, CompareError::OtherComparison { .. }));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(experiment("digits.toml")).unwrap();
    let path = folder.path().join("comparison.toml");
    let said = |text: &str| {
        fs::write(&path, text).unwrap();
        Comparison::read(&path).unwrap_err().to_string()
    };
    let unknown = said(&format!("colour = \"blue\"\n{text}"));
    assert!(unknown.contains("colour"), "{unknown}");
    let epochs = said(&text.replace("epochs = 30", "epoch = 30"));
    assert!(epochs.contains("epoch"), "{epochs}");
    let seed = said(&text.replace("epochs = 30", "epochs = 30\nseed = 1"));
    assert!(seed.contains("seed"), "{seed}");
    assert!(said(&text.replace("[42, 43]", "[]")).contains("seeds is empty"));
    assert!(said(&text.replace("[42, 43]", "[42, 42]")).contains("42 twice"));
    let name = said(&text.replace("\"scrub\"\nmethod", "\"../up\"\nmethod"));
    assert!(name.contains("`../up`"), "{name}");
    assert!(said(&text.replace("alpha = 10.0", "alpha = -1.0")).contains("alpha is -1"));
    assert!(said(&text.replace("\"fixed\"", "\"computed\"")).contains("computed"));
    // The kinds and settings of a run's methods are those of the table of methods.
    let certified = |kind: &str, settings: &str| {
        let method = format!("{{ kind = \"{kind}\", settings = {{ {settings} }} }}");
        let method = format!("{{ kind = \"certified\", method = {method} }}");
        said(&text.replacen("{ kind = \"newton\" }", &method, 1))
    };
    let unknown = certified("hope", "");
    assert!(
        unknown.contains("hope") && unknown.contains("newton"),
        "{unknown}"
    );
    let setting = certified("newton", "colour = 1");
    assert!(setting.contains("colour"), "{setting}");
    let folds = said(&text.replace("[training]", "[attack]\nfolds = 1\n[training]"));
    assert!(folds.contains("number of folds is 1"), "{folds}");

    // Nothing bounds what a baseline leaves: it is never released.
    let mut comparison = small();
    let release = comparison.methods[1].release;
    let baseline = comparison
        .methods
        .iter_mut()
        .find(|entry| matches!(entry.method, MethodChoice::Baseline { .. }))
        .unwrap();
    baseline.release = release;
    let refused = comparison.validate().unwrap_err().to_string();
    assert!(refused.contains("release"), "{refused}");
    // Neither a random request nor one by position draws past the records.
    comparison = small();
    comparison.forget = RecordRequest::Random {
        count: 1440,
        seed: 0,
    };
    let refused = compare(&comparison, &folder.path().join("all"), &mut ()).unwrap_err();
    assert!(matches!(
        refused,
        CompareError::Run(Error::ForgetsEverything { .. })
    ));
}
