//! `docs/` says what the code does.

mod common;
#[path = "../../run/tests/support/mod.rs"]
mod support;

use rescind::certificate::{AssumptionName, EvidenceRecord, percentage};
use rescind::ledger::Entry;
use rescind::{Amendment, Parameterisation, Request, Run, RunConfig};
use rescind_network::{Activation, zoo};
use rescind_privacy::sensitivity::{
    Constant, GuaranteeKind, Provenance, SensitivityBound, Symbol, Theorem,
};
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseChoice, NoiseScale, Sensitivity, analytic};
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::*;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The names in the first column of the table after a marker.
fn documented(page: &str, marker: &str) -> BTreeSet<String> {
    let (_, table) = page.split_once(marker).unwrap();
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2);
    let names: Vec<String> = rows
        .take_while(|line| line.starts_with('|'))
        .flat_map(|row| {
            let cell = row.split('|').nth(1).unwrap();
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let unique: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(
        unique.len(),
        names.len(),
        "a name occurs twice after {marker}"
    );
    unique
}

/// Paths of all fields of a document; `open` are objects whose members are free.
fn fields(value: &Value, path: &str, open: &[&str], all: &mut BTreeSet<String>) {
    let join = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(members) if !open.contains(&path) => {
            for (name, value) in members {
                fields(value, &join(name), open, all);
            }
        }
        Value::Array(items) => {
            for item in items {
                fields(item, &format!("{path}[]"), open, all);
            }
        }
        _ => {
            all.insert(path.to_owned());
        }
    }
}

/// Releases that have all fields between them, and the runs they are of.
fn examples() -> (Vec<Value>, [Fixture; 2]) {
    let smooth = Fixture::new();
    let mut order = smooth.order(1);
    let centre = vec![0.001_f32; smooth.network.parameter_count()];
    order.basis.ball.centre = Some(&centre);
    order.basis.declarations = public_centre();
    order.method = with_theorem();
    order.candidates = vec![newton_bound(failing(1e-6)), ball_bound()];
    order.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    order.basis.accept_noise = true;
    let first = smooth.release(order).unwrap().certificate;
    let rough = Fixture::with(Activation::Relu, zoo::Norm::None);
    let order = rough.order(1);
    let second = rough.release(order).unwrap().certificate;
    let tuned = fine_tuned(&rough, 2, 3, 1);
    let values =
        [first, second, tuned].map(|certificate| serde_json::to_value(certificate).unwrap());
    (values.to_vec(), [smooth, rough])
}

#[test]
fn every_field_of_every_file_is_documented() {
    let page = page("formats.md");
    let (certificates, fixtures) = examples();
    let of = |values: &[Value], open: &[&str]| {
        let mut all = BTreeSet::new();
        for value in values {
            fields(value, "", open, &mut all);
        }
        all
    };
    let open = ["method.settings"];
    assert_eq!(certificates[2]["guarantee"]["binding"], "noisy_fine_tuning");
    assert_eq!(
        documented(&page, "<!-- fields: certificate -->"),
        of(&certificates, &open)
    );

    let mut evidence = Vec::new();
    for fixture in &fixtures {
        for item in std::fs::read_dir(fixture.run().join("private/evidence")).unwrap() {
            let text = std::fs::read(item.unwrap().path()).unwrap();
            let record: EvidenceRecord = serde_json::from_slice(&text).unwrap();
            evidence.push(serde_json::to_value(record).unwrap());
        }
    }
    assert_eq!(
        documented(&page, "<!-- fields: evidence -->"),
        of(&evidence, &["measured.details"])
    );

    let ledgers = fixtures
        .each_ref()
        .map(|fixture| Connection::open(fixture.run().join("ledger.sqlite")).unwrap());
    for (kind, marker) in [
        ("request", "<!-- fields: request -->"),
        ("release", "<!-- fields: release -->"),
        ("certificate", "<!-- fields: certificate entry -->"),
    ] {
        let mut bodies = Vec::new();
        for ledger in &ledgers {
            let query = "SELECT body FROM entries WHERE kind = ?";
            let mut query = ledger.prepare(query).unwrap();
            let rows = query.query_map([kind], |row| row.get::<_, String>(0));
            bodies.extend(rows.unwrap().map(|body| body.unwrap()));
        }
        assert!(bodies.len() >= 3, "{kind}");
        let bodies = bodies
            .iter()
            .map(|body| serde_json::from_str(body).unwrap());
        let bodies: Vec<Value> = bodies.collect();
        assert_eq!(documented(&page, marker), of(&bodies, &[]), "{kind}");
    }
    let amended = begun_and_amended();
    for kind in ["made", "trained", "budget", "key", "place"] {
        let marker = format!("<!-- fields: {kind} -->");
        let open: Vec<Value> = amended
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, body)| body.clone())
            .collect();
        assert!(!open.is_empty(), "{kind}");
        assert_eq!(documented(&page, &marker), of(&open, &["budget"]), "{kind}");
    }
    let entries = columns(&ledgers[0], "entries");
    assert_eq!(documented(&page, "The views `requests`"), entries);
    let certificates: BTreeSet<String> = ["release", "document"].map(str::to_owned).into();
    assert_eq!(columns(&ledgers[0], "certificates"), certificates);
}

/// What making a run, and amending it, writes into its ledger.
fn begun_and_amended() -> Vec<(&'static str, Value)> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    drop(common::trained(root, common::small()));
    let text = std::fs::read(root.join("ledger.sqlite")).unwrap();
    let copy = root.join("copy.sqlite");
    std::fs::write(&copy, text).unwrap();
    std::fs::rename(&copy, root.join("ledger.sqlite")).unwrap();
    let budget = rescind::ledger::Budget {
        epsilon: 1e9,
        delta: 1e-5,
    };
    for amendment in [
        Amendment::Adopt,
        Amendment::NewKey,
        Amendment::Budget(Some(budget)),
    ] {
        Run::amend(root, amendment).unwrap();
    }
    let ledger = rescind::ledger::Ledger::open(root).unwrap();
    let bodies = ledger.history().entries().iter();
    let bodies = bodies.map(|recorded| match &recorded.entry {
        Entry::Made(entry) => ("made", serde_json::to_value(entry).unwrap()),
        Entry::Trained(entry) => ("trained", serde_json::to_value(entry).unwrap()),
        Entry::Budget(entry) => ("budget", serde_json::to_value(entry).unwrap()),
        Entry::Key(entry) => ("key", serde_json::to_value(entry).unwrap()),
        Entry::Place(entry) => ("place", serde_json::to_value(entry).unwrap()),
        other => (other.kind(), Value::Null),
    });
    bodies.collect()
}

fn columns(database: &Connection, table: &str) -> BTreeSet<String> {
    let statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
    statement.column_names().map(str::to_owned).collect()
}

/// Runs that have all files between them: trained, forgotten from, released, retrained; and one
/// with a centre.
fn runs(folder: &Path) -> [PathBuf; 2] {
    let roots = ["network", "tangent"].map(|name| folder.join(name));
    let mut config = common::small();
    config.training.early_checkpoint = Some(1);
    let mut run = Run::create(&roots[0], config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let asked = common::released("random:20").keyed("ticket-1");
    run.forget(&asked, &mut ()).unwrap();
    run.retrain(&mut ()).unwrap();
    let mut config = RunConfig {
        parameterisation: Parameterisation::Tangent,
        ..common::small()
    };
    config.training.penalty = 1e-2;
    config.training.until_gradient = Some(1e-6);
    let mut run = Run::create(&roots[1], config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let asked = Request::of("random:20".parse().unwrap()).released(common::promise(1.0));
    run.forget(&asked, &mut ()).unwrap();
    roots
}

#[test]
fn what_is_private_of_requests_is_documented() {
    let page = page("formats.md");
    let folder = tempfile::tempdir().unwrap();
    for root in runs(folder.path()) {
        let database = Connection::open(root.join("private/requests.sqlite")).unwrap();
        for table in ["answers", "forgotten"] {
            let marker = format!("<!-- fields: {table} -->");
            assert_eq!(documented(&page, &marker), columns(&database, table));
        }
        let query = "SELECT body FROM answers";
        let body: String = database.query_row(query, [], |row| row.get(0)).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let members = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(documented(&page, "<!-- fields: answer -->"), members);
    }
}

#[test]
fn every_file_of_a_run_is_documented_and_every_documented_file_is_there() {
    let listed = documented(&page("formats.md"), "## Run directory");
    let folder = tempfile::tempdir().unwrap();
    let mut met = BTreeSet::new();
    for root in runs(folder.path()) {
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for item in std::fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_string_lossy();
                let part = |part: &str| match part.len() == 6 && part.parse::<u64>().is_ok() {
                    true => "NNNNNN".to_owned(),
                    false => part.to_owned(),
                };
                let name = name.split('/').map(part).collect::<Vec<_>>().join("/");
                if path.is_dir() {
                    met.insert(format!("{name}/"));
                    open.push(path);
                    continue;
                }
                // By its place, by its name where the place is that of the file listed before
                // it, or as one of a folder's files.
                let (place, file) = name.rsplit_once('/').unwrap_or(("", &name));
                let named = [name.clone(), file.to_owned()];
                let named = named.iter().find(|named| listed.contains(*named));
                let inside = format!("{place}/");
                let inside = inside.starts_with("private/") && listed.contains(&inside);
                assert!(named.is_some() || inside && place != "private", "{name}");
                met.extend(named.cloned());
            }
        }
    }
    // Nothing is staged where nothing crashed.
    let missing: Vec<&String> = listed.difference(&met).collect();
    assert_eq!(missing, ["private/staging/NNNNNN/"]);
}

#[test]
fn every_kind_and_assumption_is_explained() {
    let page = page("guarantees.md");
    let kinds: BTreeSet<String> = [
        GuaranteeKind::Proved,
        GuaranteeKind::Measured,
        GuaranteeKind::Probabilistic,
        GuaranteeKind::Declared,
        GuaranteeKind::Estimated,
        GuaranteeKind::Assumed,
    ]
    .map(|kind| kind.to_string())
    .into();
    assert_eq!(documented(&page, "## What a guarantee rests on"), kinds);
    let names = documented(&page, "## What a certificate does not promise");
    let error = serde_json::from_str::<AssumptionName>("\"zzz\"")
        .unwrap_err()
        .to_string();
    let known: BTreeSet<String> = error
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|n| *n != "zzz")
        .map(str::to_owned)
        .collect();
    assert_eq!(names, known);
}

/// A figure as the page writes it: six significant digits, rounded to nearest or up by one.
#[track_caller]
fn states(page: &str, text: &str, value: f64) {
    assert!(page.contains(text), "the page does not say {text}");
    let number: f64 = text.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        (number / value - 1.0).abs() < 1.01e-5,
        "{text}, but it is {value}"
    );
}

#[test]
fn what_a_guesser_finds_is_computed() {
    let delta = Delta::new(1e-5).unwrap();
    let tables: [(&str, &str, &[f64], usize); 2] = [
        (
            "guarantees.md",
            "| θ | epsilon at delta = 1e-5 |",
            &[0.001, 0.01, 0.1],
            5,
        ),
        (
            "theory.md",
            "| θ | ε at δ = 1e-5 |",
            &[0.001, 0.01, 0.05, 0.1],
            6,
        ),
    ];
    for (name, header, accused, rows) in tables {
        let page = page(name);
        let (_, table) = page.split_once(header).unwrap();
        let table = table.lines().skip(2);
        let table = table.take_while(|line| line.starts_with('|'));
        let mut count = 0;
        for row in table {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let gdp = Gdp::new(cells[1].parse().unwrap()).unwrap();
            let epsilon = gdp.epsilon(delta).unwrap().value();
            let over = cells[2].parse::<f64>().unwrap() / epsilon;
            assert!((1.0..1.01).contains(&over), "{row}: {epsilon}");
            let found = accused
                .iter()
                .map(|&accused| percentage(gdp.found(accused)));
            let found: Vec<String> = found.collect();
            assert_eq!(cells[3..cells.len() - 1], found, "{row}");
            count += 1;
        }
        assert_eq!(count, rows);
    }
    let page = page("guarantees.md");
    // At epsilon = 1: how often the loss exceeds it, and who is right at even odds.
    let theta = Gdp::for_promise(Epsilon::new(1.0).unwrap(), delta).unwrap();
    assert!(page.contains("1.6e-4") && page.contains("55.3 %"));
    let half = Gdp::new(theta.mu() / 2.0).unwrap().found(0.5);
    assert_eq!(format!("{:.1} %", 100.0 * half), "55.3 %");
    let normal = |x: f64| match x < 0.0 {
        true => 1.0 - Gdp::new(-x).unwrap().found(0.5),
        false => Gdp::new(x).unwrap().found(0.5),
    };
    let loss = normal(theta.mu() / 2.0 - 1.0 / theta.mu());
    assert_eq!(format!("{loss:.1e}"), "1.6e-4");
}

#[test]
fn the_worked_example_is_computed() {
    let page = page("guarantees.md");
    for (epsilon, certainty) in [
        (0.1_f64, "52.5"),
        (1.0, "73.2"),
        (3.0, "95.3"),
        (10.0, "99.996"),
    ] {
        let odds = 100.0 * epsilon.exp() / (1.0 + epsilon.exp());
        let digits = certainty.split('.').nth(1).unwrap().len();
        // "At most": rounded up.
        let unit = 10_f64.powi(digits as i32);
        assert_eq!(
            format!("{:.digits$}", (odds * unit).ceil() / unit),
            certainty
        );
        assert!(page.contains(&format!("| {epsilon} | {certainty} % |")));
    }
    let (one, delta) = (Epsilon::new(1.0).unwrap(), Delta::new(1e-5).unwrap());
    let epsilon = |sensitivity: f64, sigma: f64| {
        let (s, n) = (
            Sensitivity::new(sensitivity).unwrap(),
            NoiseScale::new(sigma).unwrap(),
        );
        analytic::epsilon(delta, s, n).unwrap().value()
    };
    let constant =
        |symbol, value| Constant::new(symbol, value, Provenance::Proved, "the example").unwrap();
    let ball = SensitivityBound::new(
        Theorem::BallDiameter,
        vec![constant(Symbol::BallRadius, 20.0)],
    )
    .unwrap();
    let diameter = ball.value();
    // 1
    states(
        &page,
        "epsilon = 8.00171e8",
        epsilon(diameter.value(), 0.001),
    );
    // 2
    let sigma = analytic::calibrate(one, delta, diameter).unwrap().value();
    states(&page, "σ = 149.225", sigma);
    states(&page, "length 24295", sigma * 26_506_f64.sqrt());
    let bearable = 0.1 * 12.7 / 26_506_f64.sqrt();
    states(&page, "σ up to 0.0078007", bearable);
    states(
        &page,
        "epsilon = 1.31689e7",
        epsilon(diameter.value(), bearable),
    );
    // 3
    let constants = vec![
        constant(Symbol::GradientNorm, 1e-8),
        constant(Symbol::GradientBound, 1e-8),
        constant(Symbol::Penalty, 1e-4),
    ];
    let convex = SensitivityBound::new(Theorem::StronglyConvex, constants).unwrap();
    states(&page, "the bound is 2e-4", convex.value().value());
    let sigma = analytic::calibrate(one, delta, convex.value()).unwrap();
    states(&page, "σ = 7.46126e-4", sigma.value());
    // 4
    let release = Gdp::of_release(convex.value(), sigma).unwrap();
    let both = Gdp::compose([release, release])
        .unwrap()
        .epsilon(delta)
        .unwrap()
        .value();
    states(&page, "epsilon for them is 1.46517", both);
    assert!(both > 1.2 && page.contains("a budget of epsilon = 1.2"));
}
