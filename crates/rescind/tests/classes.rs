//! The set of classes is declared, or promises say what they take for granted.

mod common;

use common::{checked, newton, trained, weak};
use rescind::certificate::Declared;
use rescind::methods::MethodChoice;
use rescind::release::ReleaseError;
use rescind::training::TrainingSettings;
use rescind::{Code, Error, ModelChoice, ReleaseChoice, Request, Run, RunConfig};
use rescind_data::{DataSource, TableFormat, TableOptions};
use rescind_privacy::sensitivity::GuaranteeKind;
use std::fmt::Write;
use std::path::Path;

/// A table of 60 people of whom one alone has a class of their own.
fn config(folder: &Path) -> RunConfig {
    let mut table = "x,y,person,class\n".to_owned();
    for i in 0..60 {
        let class = match i {
            17 => "rare",
            _ if i % 2 == 0 => "even",
            _ => "odd",
        };
        writeln!(table, "{}.5,{},p{i},{class}", i % 7, i % 5).unwrap();
    }
    let path = folder.join("people.csv");
    std::fs::write(&path, table).unwrap();
    let options = TableOptions {
        subject: Some("person".to_owned()),
        test_fraction: 0.0,
        ..TableOptions::new("class")
    };
    RunConfig {
        data: DataSource::Table {
            format: TableFormat::Csv,
            path,
            options,
        },
        model: ModelChoice::Logistic,
        training: TrainingSettings {
            epochs: 3,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

fn of(subject: &str) -> Request {
    newton(&format!("subject:{subject}"))
}

/// Noise that hides nothing, from the operating system.
fn noise() -> ReleaseChoice {
    ReleaseChoice {
        accept_noise: false,
        insecure_noise_seed: None,
        ..weak()
    }
}

#[test]
fn classes_read_off_the_records_are_taken_for_granted() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(&folder.path().join("run"), config(folder.path()));
    assert!(run.classes_read_from_records());
    let answer = run.forget(&of("p3").released(noise()), &mut ()).unwrap();
    assert!(answer.record.emptied_classes.is_empty());
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Assumed);
    let declared = &certificate.declarations[0];
    assert_eq!(declared.what, Declared::ClassesReadFromRecords);
    assert_eq!(declared.by, None);

    // The last of a class: whatever noise there is, three outputs show that somebody was there.
    let emptied = |refused: Result<(), Error>| {
        assert!(
            matches!(
                refused,
                Err(Error::Release(ReleaseError::ClassEmptied { classes: 1 }))
            ),
            "{refused:?}"
        );
    };
    emptied(run.forget(&of("p17").released(noise()), &mut ()).map(drop));
    assert_eq!(run.retained().len(), 59);
    let answer = run.forget(&of("p17"), &mut ()).unwrap();
    assert_eq!(answer.record.emptied_classes, ["rare"]);
    emptied(run.release(&noise(), &mut ()).map(drop));
    // Nor later, when others have been forgotten too.
    emptied(run.forget(&of("p4").released(noise()), &mut ()).map(drop));
}

/// Somebody who is only tested or validated on, or whose row is left out, decides no number of outputs.
#[test]
fn a_class_that_nothing_is_trained_on_is_not_read_off_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let made = |config: RunConfig| Run::create(&root, config, None, &mut ()).map(drop);
    let untrained = |config: RunConfig| {
        let refused = made(config.clone()).unwrap_err();
        assert_eq!(refused.code(), Code::ClassUntrained, "{refused}");
        assert!(refused.to_string().contains("\"rare\""), "{refused}");
        // Declared, they are nobody's.
        let declared = RunConfig {
            classes: Some(["even", "odd", "rare"].map(str::to_owned).to_vec()),
            ..config
        };
        made(declared).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
    };
    let plain = config(folder.path());
    // By a draw for each person: of some shares p17 is on the other side.
    let with = |options: &str| RunConfig {
        data: (plain.data.to_string().replace("test=0", options))
            .parse()
            .unwrap(),
        ..plain.clone()
    };
    untrained(with("test=0.95"));
    let training = TrainingSettings {
        validation: 0.95,
        ..plain.training.clone()
    };
    untrained(RunConfig {
        training,
        ..plain.clone()
    });
    let path = folder.path().join("people.csv");
    let table = std::fs::read_to_string(&path).unwrap();
    let gap = table.replace("3.5,2,p17,", "NA,2,p17,");
    assert_ne!(gap, table);
    std::fs::write(&path, gap).unwrap();
    untrained(with("test=0&missing=drop"));
}

/// Records that validate do not keep a class that no record trained on has.
#[test]
fn a_class_is_empty_once_nothing_trained_on_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = config(folder.path());
    made.training.validation = 0.4;
    let path = folder.path().join("people.csv");
    let table = std::fs::read_to_string(&path).unwrap();
    // As many of the class as there must be for both sides to have some.
    let rare = |line: &str| (10..20).any(|i| line.contains(&format!(",p{i},")));
    let lines = table.lines().map(|line| match rare(line) {
        true => format!("{},rare", line.rsplit_once(',').unwrap().0),
        false => line.to_owned(),
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let mut run = trained(&folder.path().join("run"), made);
    let asked = newton("class:rare");
    let resolved = run.resolve(&asked.records).unwrap();
    assert!(!resolved.held_out.is_empty() && !resolved.forget.is_empty());
    let refused = run.forget(&asked.clone().released(noise()), &mut ());
    assert_eq!(refused.unwrap_err().code(), Code::ClassEmptied);
    let answer = run.forget(&asked, &mut ()).unwrap();
    assert_eq!(answer.record.emptied_classes, ["rare"]);
}

#[test]
fn declared_classes_are_a_setting_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["rare", "never", "odd", "even"].map(str::to_owned).to_vec();
    let declared = RunConfig {
        classes: Some(names.clone()),
        ..config(folder.path())
    };
    let root = folder.path().join("run");
    let mut run = trained(&root, declared.clone());
    assert!(!run.classes_read_from_records());
    assert_eq!(common::network(&run).outputs(), 4);
    let answer = run.forget(&of("p17").released(noise()), &mut ()).unwrap();
    assert_eq!(answer.record.emptied_classes, ["rare"]);
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Proved);
    assert!(certificate.declarations.is_empty());
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));
    // Training without that person, whose row is gone, has the same outputs in the same order.
    let retrain = of("p4").by(MethodChoice::named("retrain"));
    run.forget(&retrain, &mut ()).unwrap();
    drop(run);
    let path = folder.path().join("people.csv");
    let table = std::fs::read_to_string(&path).unwrap();
    let left: Vec<&str> = table
        .lines()
        .filter(|line| !line.contains("p17,"))
        .collect();
    std::fs::write(&path, left.join("\n")).unwrap();
    let run = Run::open(&root).unwrap();
    assert_eq!(
        run.classifier()
            .unwrap()
            .train_records()
            .unwrap()
            .class_names(),
        names
    );
    drop(run);
    let other = Run::create_or_open(&root, config(folder.path()), None, &mut ());
    assert!(
        matches!(&other, Err(Error::OtherConfig { differs, .. }) if *differs == "classes"),
        "{:?}",
        other.map(drop)
    );
    // A class that was not declared is refused where the records are read.
    let too_few = RunConfig {
        classes: Some(names[2..].to_vec()),
        ..config(folder.path())
    };
    let refused = Run::create(&folder.path().join("few"), too_few, None, &mut ()).map(drop);
    assert_eq!(refused.unwrap_err().code().as_str(), "data");
}

/// Ranges and categories are somebody's word, which the certificate names; hashing needs none.
#[test]
fn an_encoding_that_was_given_is_declared_and_a_hash_needs_no_word() {
    let given = [
        ("hash=y:8", None, vec![]),
        ("range=x:0:7", None, vec![(Declared::InputEncoding, None)]),
        (
            "categories=y:1|2",
            Some("A. Smith"),
            vec![(Declared::InputEncoding, Some("A. Smith"))],
        ),
        ("missing=0", None, vec![(Declared::InputEncoding, None)]),
        ("missing=mark", None, vec![]),
    ];
    for (options, by, expected) in given {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        config.classes = Some(["even", "odd", "rare"].map(str::to_owned).to_vec());
        config.declared_by = by.map(str::to_owned);
        config.data = format!("{}&{options}", config.data).parse().unwrap();
        let mut run = trained(&folder.path().join("run"), config);
        let answer = run.forget(&of("p3").released(noise()), &mut ()).unwrap();
        let certificate = answer.release.unwrap().certificate;
        let declared = certificate.declarations.iter();
        let declared: Vec<_> = declared.map(|d| (d.what, d.by.as_deref())).collect();
        assert_eq!(declared, expected, "{options}");
        let kind = match expected[..] {
            [] => GuaranteeKind::Proved,
            [(_, None)] => GuaranteeKind::Assumed,
            _ => GuaranteeKind::Declared,
        };
        assert_eq!(certificate.guarantee.kind, kind, "{options}");
        assert!(checked(&run, 1).holds(), "{options}: {}", checked(&run, 1));
    }
}
