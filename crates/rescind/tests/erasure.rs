//! Once somebody is forgotten, their records may leave the source, and everything goes on; and a
//! run is opened without reading any record.

mod common;

use common::{checked, promise};
use rescind::training::TrainingSettings;
use rescind::{Code, Error, ModelChoice, Parameterisation, Request, Run, RunConfig, Scaling};
use std::fs;
use std::path::{Path, PathBuf};

const HEADER: &str = "member,age,dose,ill\n";

fn line(member: usize, row: usize) -> String {
    let (age, dose) = (20 + (member * 7 + row) % 60, (member * 13 + row * 5) % 17);
    format!("m{member},{age},{dose},{}\n", (age + 2 * dose) % 2)
}

/// Forty people of three rows each, those left out who are `gone`.
fn table(path: &Path, gone: &[usize]) {
    let people = (0..40).filter(|member| !gone.contains(member));
    let rows = people.flat_map(|member| (0..3).map(move |row| line(member, row)));
    fs::write(path, HEADER.to_owned() + &rows.collect::<String>()).unwrap();
}

fn config(path: &Path, scaling: Scaling) -> RunConfig {
    RunConfig {
        data: format!("csv:{}?label=ill&subject=member&test=0.2", path.display())
            .parse()
            .unwrap(),
        model: ModelChoice::Logistic,
        parameterisation: Parameterisation::Tangent,
        scaling,
        training: TrainingSettings {
            penalty: 0.05,
            until_gradient: Some(1e-5),
            validation: 0.1,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

struct Here {
    _folder: tempfile::TempDir,
    table: PathBuf,
    root: PathBuf,
}

fn trained(scaling: Scaling) -> Here {
    let folder = tempfile::tempdir().unwrap();
    let (path, root) = (folder.path().join("d.csv"), folder.path().join("run"));
    table(&path, &[]);
    let config = config(&path, scaling);
    let mut run = Run::create(&root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    Here {
        _folder: folder,
        table: path,
        root,
    }
}

fn of(member: usize) -> Request {
    Request::of(format!("subject:m{member}").parse().unwrap())
}

/// People who are trained on.
fn people(run: &Run) -> Vec<usize> {
    let named = |&member: &usize| run.resolve(&of(member).records).is_ok();
    (0..40).filter(named).collect()
}

#[test]
fn whoever_is_forgotten_may_leave_the_source() {
    for scaling in [Scaling::None, Scaling::Computed] {
        let here = trained(scaling);
        let mut run = Run::open(&here.root).unwrap();
        let people = people(&run);
        let (first, second, third) = (people[0], people[4], people[7]);
        run.forget(&of(first).released(promise(1.0)), &mut ())
            .unwrap();
        drop(run);
        // One's rows are taken out, the next one's are blanked before anybody was asked.
        table(&here.table, &[first, second]);
        let blank = format!("{},,,\nm{second},0,0,0\n", ' ');
        fs::write(
            &here.table,
            fs::read_to_string(&here.table).unwrap() + &blank,
        )
        .unwrap();
        let mut run = Run::open(&here.root).unwrap();
        let answer = run
            .forget(&of(second).released(promise(1.0)), &mut ())
            .unwrap();
        assert_eq!(answer.record.forgotten.len(), 3);
        run.forget(&of(third), &mut ()).unwrap();
        drop(run);
        table(&here.table, &[first, second, third]);
        let mut run = Run::open(&here.root).unwrap();
        run.release(&promise(1.0), &mut ()).unwrap();
        run.retrain(&mut ()).unwrap();
        let evaluation = run.evaluate(&mut ()).unwrap();
        assert_eq!(evaluation.current.forgotten.records, 0);
        assert_eq!(evaluation.current.retained.records, run.retained().len());
        let report = checked(&run, 3);
        assert!(report.holds(), "{report}");
        // What needs their contents says so.
        let all = run.objective(&run.split().train, &[]);
        let again = all.err().unwrap();
        assert_eq!(again.code().as_str(), "records_gone", "{again}");
    }
}

#[test]
fn whoever_left_without_being_forgotten_is_named_and_the_advice_works() {
    let here = trained(Scaling::None);
    let mut run = Run::open(&here.root).unwrap();
    let people = people(&run);
    let (gone, asked) = (people[2], people[5]);
    table(&here.table, &[gone]);
    let error = run.forget(&of(asked), &mut ()).unwrap_err();
    assert_eq!(error.code().as_str(), "records_changed");
    let advice = error.to_string();
    let positions = advice.split("--records ").nth(1).unwrap().split(' ').next();
    let positions = positions.unwrap().parse().unwrap();
    assert_eq!(run.ledger().history().request_count(), 0);
    let answer = run.forget(&Request::of(positions), &mut ()).unwrap();
    assert_eq!(answer.record.forgotten.len(), 3);
    run.forget(&of(asked), &mut ()).unwrap();
}

#[test]
fn whoever_was_kept_for_testing_is_told_so_and_is_in_nobodys_way() {
    let here = trained(Scaling::None);
    let mut run = Run::open(&here.root).unwrap();
    let error = |member| run.resolve(&of(member).records).unwrap_err();
    let tested = (0..40).find(|&member| {
        run.resolve(&of(member).records)
            .is_err_and(|error| error.code() == Code::NeverTrainedOn)
    });
    let tested = tested.expect("a fifth of the people are in the test part");
    let said = error(tested).to_string();
    assert!(
        said.contains("3 record(s)") && said.contains("test part"),
        "{said}"
    );
    assert_eq!(error(99).code(), Code::UnknownSubject);
    let both = Request {
        records: [of(tested).records, of(people(&run)[0]).records].concat(),
        ..of(tested)
    };
    assert_eq!(
        run.forget(&both, &mut ()).unwrap().record.forgotten.len(),
        3
    );
}

#[test]
fn rows_added_since_are_no_part_of_the_run() {
    let here = trained(Scaling::Computed);
    let mut run = Run::open(&here.root).unwrap();
    let member = people(&run)[1];
    let before = run.retained().len();
    let more: String = (0..3).map(|row| line(99, row)).collect();
    fs::write(
        &here.table,
        fs::read_to_string(&here.table).unwrap() + &more,
    )
    .unwrap();
    run.forget(&of(member), &mut ()).unwrap();
    assert_eq!(run.retained().len(), before - 3);
    let classifier = run.classifier().unwrap();
    let added = classifier.unlisted_records().unwrap() + classifier.test_records().unwrap().len();
    assert!(added > 0);
    assert_eq!(classifier.added_records_of(" m99 ").unwrap(), 3);
    assert_eq!(
        classifier.train_records().unwrap().len(),
        run.manifest().len()
    );
    // Who was never trained on is told so, and is in nobody's way.
    let alone = run.forget(&of(99), &mut ()).unwrap_err();
    assert_eq!(alone.code(), Code::NeverTrainedOn, "{alone}");
    assert!(alone.to_string().contains("3 record(s)"), "{alone}");
    let unknown = run.forget(&of(98), &mut ()).unwrap_err();
    assert_eq!(unknown.code(), Code::UnknownSubject, "{unknown}");
    let next = people(&run)[0];
    let both = Request {
        records: [of(99).records, of(next).records].concat(),
        ..of(99)
    };
    // Also of a list of whom somebody's rows have left already.
    drop(run);
    let rest = fs::read_to_string(&here.table).unwrap();
    let rest = rest.replace(&format!("m{next},"), "gone,");
    fs::write(&here.table, rest).unwrap();
    let mut run = Run::open(&here.root).unwrap();
    let answer = run.forget(&both, &mut ()).unwrap();
    assert_eq!(answer.record.forgotten.len(), 3);
}

#[test]
fn opening_resolving_and_releasing_later_read_no_record() {
    let here = trained(Scaling::None);
    let mut run = Run::open(&here.root).unwrap();
    let (member, next) = (people(&run)[0], people(&run)[1]);
    run.forget(&of(member), &mut ()).unwrap();
    drop(run);
    fs::remove_file(&here.table).unwrap();
    let mut run = Run::open(&here.root).unwrap();
    assert_eq!(run.resolve(&of(next).records).unwrap().forget.len(), 3);
    let report = {
        run.release(&promise(1.0), &mut ()).unwrap();
        checked(&run, 1)
    };
    assert!(report.holds(), "{report}");
    let error = run.forget(&of(next), &mut ()).unwrap_err();
    assert!(matches!(error, Error::Unlearn(_)), "{error:?}");
    assert_eq!(error.code().as_str(), "data", "{error}");
}

#[test]
fn no_records_part_depends_on_another_record() {
    let whole = trained(Scaling::None);
    let fewer = tempfile::tempdir().unwrap();
    let path = fewer.path().join("d.csv");
    table(&path, &[3]);
    let config = config(&path, Scaling::None);
    let fewer = Run::create(&fewer.path().join("run"), config, None, &mut ()).unwrap();
    let whole = Run::open(&whole.root).unwrap();
    let held_out = |run: &Run| -> Vec<Vec<f32>> {
        let records = run.classifier().unwrap().train_records().unwrap();
        let held_out = run.split().validation.positions().iter();
        held_out
            .map(|&at| records.input(at).unwrap().to_vec())
            .collect()
    };
    let (all, left) = (held_out(&whole), held_out(&fewer));
    assert!(!left.is_empty() && left.iter().all(|row| all.contains(row)));
    assert!(all.len() - left.len() <= 3);
}
