//! What a run keeps of the time before its requests is discarded for good, and its records may move.

mod common;

use common::small;
use rescind::methods::MethodChoice;
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, verify};
use rescind::{Code, ReleaseChoice, Request, Run, RunConfig};
use rescind_data::DataSource;
use rescind_privacy::NoiseChoice;
use std::fs;
use std::path::Path;

fn released(positions: &str) -> Request {
    let mut asked = Request::of(positions.parse().unwrap());
    let noise = NoiseChoice::Sigma {
        sigma: 0.1,
        delta: 1e-5,
    };
    asked.release = Some(ReleaseChoice::new(noise));
    asked
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        match path.is_dir() {
            true => left.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            ),
            false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
        }
    }
    found.sort();
    found
}

#[test]
fn weights_from_before_a_request_go_and_everything_else_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let config = RunConfig {
        training: TrainingSettings {
            early_checkpoint: Some(1),
            ..small().training
        },
        ..small()
    };
    let mut run = Run::create(&root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    // Nobody has asked for anything.
    assert!(run.purge().unwrap().is_empty());
    run.forget(&released("1,2"), &mut ()).unwrap();
    run.retrain(&mut ()).unwrap();
    run.forget(&released("3,4"), &mut ()).unwrap();
    assert!(run.evaluate(&mut ()).unwrap().original.is_some());
    // Reports of the run, where they are written unless another place is named; and somebody's notes.
    fs::create_dir(root.join("figures")).unwrap();
    for report in ["report.html", "figures/loss.svg", "figures/loss.png"] {
        let text = format!(
            "<!-- {} --> measurements of the forgotten",
            rescind::mark::MARK
        );
        fs::write(root.join(report), text).unwrap();
    }
    fs::write(root.join("figures/notes.svg"), "somebody's").unwrap();

    let purged = run.purge().unwrap();
    assert_eq!(
        (purged.iterates, purged.early, purged.references),
        (2, 1, 1)
    );
    assert_eq!(purged.reports, 3);
    assert!(!root.join("report.html").exists());
    assert_eq!(files(&root.join("figures")), ["notes.svg"]);
    assert!(run.purge().unwrap().is_empty());
    let private = files(&root.join("private"));
    let weights: Vec<_> = private
        .iter()
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    // Those in force alone.
    assert_eq!(weights.len(), 1, "{weights:?}");

    drop(run);
    let mut run = Run::open(&root).unwrap();
    assert!(run.evaluate(&mut ()).unwrap().original.is_none());
    for release in [1, 2] {
        let path = root.join(format!("releases/{release:06}/certificate.json"));
        let evidence = Evidence {
            run: Some(root.clone()),
            ..Evidence::default()
        };
        let report = verify(&fs::read(path).unwrap(), &evidence);
        assert!(report.holds(), "{release}: {report}");
    }
    let back = released("5,6").by(MethodChoice::named("rewind"));
    assert_eq!(
        run.forget(&back, &mut ()).unwrap_err().code(),
        Code::NoCheckpoint
    );
    run.forget(&released("5,6"), &mut ()).unwrap();
    run.retrain(&mut ()).unwrap();
    assert!(run.evaluate(&mut ()).unwrap().retrained.is_some());
    // The retrained model of those who stay is nobody's past.
    assert_eq!(run.purge().unwrap().references, 0);
}

#[test]
fn records_are_read_from_where_they_are_now_if_they_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name);
    let rows = |gone: &[usize]| {
        let row = |at: usize| format!("{},{},{}\n", at, at % 5, at % 2);
        let rows = (0..40).filter(|at| !gone.contains(at)).map(row);
        "a,b,y\n".to_owned() + &rows.collect::<String>()
    };
    let source = |name: &str| -> DataSource {
        format!("csv:{}?label=y&test=0", here(name).display())
            .parse()
            .unwrap()
    };
    fs::write(here("old.csv"), rows(&[])).unwrap();
    let config = RunConfig {
        data: source("old.csv"),
        training: TrainingSettings {
            epochs: 1,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    };
    let root = here("run");
    let mut run = Run::create(&root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run.forget(&Request::of("7".parse().unwrap()), &mut ())
        .unwrap();
    drop(run);
    fs::remove_file(here("old.csv")).unwrap();
    assert!(Run::open(&root).unwrap().evaluate(&mut ()).is_err());

    // One more is missing than was forgotten.
    fs::write(here("fewer.csv"), rows(&[7, 8])).unwrap();
    let refused = Run::read_from(&root, source("fewer.csv")).unwrap_err();
    assert_eq!(refused.code(), Code::RecordsChanged);
    let refused = Run::read_from(&root, DataSource::Digits).unwrap_err();
    assert_eq!(refused.code(), Code::Setting);
    assert!(Run::open(&root).unwrap().evaluate(&mut ()).is_err());

    fs::write(here("new.csv"), rows(&[7])).unwrap();
    Run::read_from(&root, source("new.csv")).unwrap();
    let mut run = Run::open(&root).unwrap();
    run.evaluate(&mut ()).unwrap();
    run.forget(&released("9"), &mut ()).unwrap();
    assert_eq!(
        Run::inspect(&root).unwrap().config.unwrap().data,
        source("new.csv")
    );
    let evidence = Evidence {
        run: Some(root.clone()),
        ..Evidence::default()
    };
    let path = root.join("releases/000002/certificate.json");
    let report = verify(&fs::read(path).unwrap(), &evidence);
    assert!(report.holds(), "{report}");
}
