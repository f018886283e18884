//! A run as a session: keys, and several records in one request.

mod common;

use common::{
    checked, newton, newton_with, numbers, promise, released, small, standing, trained, weak,
};
use rescind::methods::newton::{Damping, NewtonSettings};
use rescind::methods::{MethodChoice, MethodReport};
use rescind::release::ReleaseError;
use rescind::training::TrainingSettings;
use rescind::{
    Code, Error, Held, Holdings, ModelChoice, ModelError, Progress, Request, Run, RunConfig,
};
use rescind_data::{RequestError, Selection};
use std::ops::ControlFlow;
use std::path::Path;

/// A step whose fit nobody looks at: of a table whose columns are wide, which no training here fits.
fn however(request: &str) -> Request {
    let settings = NewtonSettings {
        loss_growth: None,
        ..NewtonSettings::default()
    };
    newton_with(request, &settings)
}

#[test]
fn a_request_of_the_same_key_gets_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let asked = released("random:30?seed=1").keyed("ticket-17");
    let first = run.forget(&asked, &mut ()).unwrap();
    assert!(!first.repeated);
    let (record, release) = (first.record, first.release.unwrap());
    let stands = standing(&run);
    for reopen in [false, true] {
        if reopen {
            drop(run);
            run = Run::open(folder.path()).unwrap();
        }
        // An answer is at hand: nothing is computed that could be watched or stopped.
        let mut stop = |_: &Progress| ControlFlow::Break(());
        let again = run.forget(&asked, &mut stop).unwrap();
        assert!(again.repeated);
        assert_eq!(again.record, record);
        let given = again.release.unwrap();
        assert_eq!(given.folder, release.folder);
        assert_eq!(given.certificate, release.certificate);
        assert_eq!(given.weights, release.weights);
        assert_eq!(standing(&run), stands);
    }
    // Without a key, or under another, the same words are another request.
    for (number, other) in [
        (2, released("random:30?seed=1")),
        (3, asked.clone().keyed("ticket-18")),
    ] {
        let answer = run.forget(&other, &mut ()).unwrap();
        assert!(!answer.repeated);
        assert_eq!(answer.record.number, number);
        assert_ne!(answer.record.forgotten, record.forgotten);
    }
    let again = run.forget(&asked, &mut ()).unwrap();
    assert_eq!((again.record, again.repeated), (record, true));
}

#[test]
fn another_request_of_the_same_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let asked = newton("random:30?seed=1").keyed("ticket-17");
    run.forget(&newton("random:5"), &mut ()).unwrap();
    run.forget(&asked, &mut ()).unwrap();
    let stands = standing(&run);
    let weaker = NewtonSettings {
        damping: Damping::Given { value: 50.0 },
        ..NewtonSettings::default()
    };
    let mut more = asked.clone();
    more.records.push("class:3".parse().unwrap());
    for other in [
        newton("random:30?seed=2"),
        newton_with("random:30?seed=1", &weaker),
        asked.clone().by(MethodChoice::named("retrain")),
        asked.clone().released(weak()),
        more,
    ] {
        let refused = run.forget(&other.keyed("ticket-17"), &mut ()).err();
        assert!(
            matches!(&refused, Some(Error::KeyReused { key, request: 2 }) if key == "ticket-17"),
            "{refused:?}"
        );
        assert_eq!(standing(&run), stands);
    }
    // What was answered without a release stays so, whatever was released since.
    let answer = run.forget(&asked, &mut ()).unwrap();
    assert!(answer.repeated && answer.release.is_none());
    run.release(&weak(), &mut ()).unwrap();
    let answer = run.forget(&asked, &mut ()).unwrap();
    assert!(answer.repeated && answer.release.is_none() && !answer.record.released);
}

#[test]
fn a_request_that_was_refused_leaves_its_key_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let refused = newton("random:9").released(promise(1.0)).keyed("k");
    let stands = standing(&run);
    for _ in 0..2 {
        assert!(matches!(
            run.forget(&refused, &mut ()),
            Err(Error::Release(ReleaseError::Refused(_)))
        ));
    }
    assert_eq!(standing(&run), stands);
    let answer = run.forget(&newton("random:7").keyed("k"), &mut ()).unwrap();
    assert_eq!((answer.record.number, answer.repeated), (1, false));
}

/// Forty people with three records each, in two classes.
fn people(folder: &Path) -> RunConfig {
    let row = |i: usize| {
        let class = if i % 5 < 2 { "sick" } else { "well" };
        format!("{}.5,{}.25,person-{},{class}\n", i % 7, i % 11, i % 40)
    };
    let text = "age,dose,person,outcome\n".to_owned() + &(0..120).map(row).collect::<String>();
    let path = folder.join("people.csv");
    std::fs::write(&path, text).unwrap();
    let source = format!("csv:{}?label=outcome&subject=person&test=0", path.display());
    RunConfig {
        data: source.parse().unwrap(),
        // Declared, so that a class may lose its last record.
        classes: Some(["sick", "well"].map(str::to_owned).to_vec()),
        model: ModelChoice::Logistic,
        training: TrainingSettings {
            epochs: 3,
            batch: 32,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

#[test]
fn one_request_forgets_all_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut run = trained(&root, people(folder.path()));
    let named = [
        "3,8-10",
        "subject:person-7",
        "class:sick",
        "3",
        "subject:person-8",
    ];
    let asked = Request {
        records: named.map(|text| text.parse().unwrap()).to_vec(),
        ..however("0").released(weak())
    };
    // By hand, from the table: positions, three records of each person, two of five by class.
    let wanted = |i: &usize| [3, 8, 9, 10].contains(i) || i % 40 == 7 || i % 40 == 8 || i % 5 < 2;
    let expected: Vec<usize> = (0..120).filter(wanted).collect();
    let resolved = run.resolve(&asked.records).unwrap();
    assert_eq!(resolved.forget.positions(), expected);
    let answer = run.forget(&asked, &mut ()).unwrap();
    assert_eq!(answer.record.forgotten.positions(), expected);
    assert_eq!(run.retained().len(), 120 - expected.len());
    let rest = run.retained().positions();
    assert!(rest.iter().all(|i| !wanted(i)));
    // One request, one commitment to all of them; who asked is not repeated.
    assert_eq!(
        answer.record.asked,
        ["positions", "subject", "class:sick", "positions", "subject"]
    );
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(numbers(&certificate), [1]);
    assert_eq!(certificate.requests[0].records, expected.len() as u64);
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));
    let kept = std::fs::read(root.join("private/requests.sqlite")).unwrap();
    assert!(!kept.windows(7).any(|part| part == b"person-"));

    // A name that means nothing any more is in nobody's way, beside one that means somebody.
    let again = Request {
        records: ["class:sick", "4"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        ..newton("0")
    };
    let resolved = run.resolve(&again.records).unwrap();
    assert!(!resolved.already.is_empty());
    assert_eq!(resolved.forget.positions(), [4]);
    let nothing = Request {
        records: Vec::new(),
        ..newton("0")
    };
    assert!(matches!(
        run.forget(&nothing, &mut ()),
        Err(Error::Unlearn(ModelError::Request(RequestError::Empty)))
    ));
    let all = Request {
        records: ["class:well", "random:1"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        ..newton("0")
    };
    assert!(matches!(
        run.forget(&all, &mut ()),
        Err(Error::ForgetsEverything { records }) if records == 120 - expected.len()
    ));
    assert_eq!(run.answers().unwrap().len(), 1);
}

/// The method that suits the model best is taken where none is named.
#[test]
fn a_request_without_a_method_takes_the_one_that_suits() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(folder.path(), small());
    let answer = run
        .forget(&Request::of("random:9".parse().unwrap()), &mut ())
        .unwrap();
    let MethodReport { method, .. } = answer.record.method;
    assert_eq!(method, "newton");
    let gone: &Selection = &answer.record.forgotten;
    assert_eq!(gone.len(), 9);
}

#[test]
fn what_is_held_of_somebody_is_told_while_the_run_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let mut run = trained(&root, people(folder.path()));
    let holdings = Holdings::of_run(&root).unwrap();
    let held = |names: &[&str]| {
        let asked: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        holdings.held(&asked)
    };
    let trained_on = |trained| Held {
        trained,
        ..Held::default()
    };
    assert_eq!(held(&["subject:person-7"]).unwrap(), Some(trained_on(3)));
    // Each record once, whoever names it.
    let both = held(&["subject:person-7", "7", "subject:nobody"]).unwrap();
    assert_eq!(both, Some(trained_on(3)));
    run.forget(&however("7,8"), &mut ()).unwrap();
    let expected = Held {
        trained: 2,
        forgotten: 1,
        ..Held::default()
    };
    assert_eq!(held(&["subject:person-7"]).unwrap(), Some(expected));
    for (name, code) in [
        ("120", Code::RequestOutOfRange),
        ("random:3", Code::RequestEmpty),
        ("line:500", Code::UnknownLine),
    ] {
        assert_eq!(
            held(&[name]).err().map(|error| error.code()),
            Some(code),
            "{name}"
        );
    }
    let none = Holdings::of_run(folder.path()).err();
    assert!(matches!(none, Some(Error::NoRun { .. })));
}
