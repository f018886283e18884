//! Reports say what the run says, whatever state it is in and whatever its records are called.

use crate::checks::{check_figures, check_page, decoded, figure, series, shown};
use crate::common::{released, released_run, small, unreleased};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rescind::certificate::statement;
use rescind::ledger::Ledger;
use rescind::methods::newton::NewtonReport;
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Run, RunConfig};
use rescind_data::{DataSource, load};
use rescind_evaluate::attack::AttackSettings;
use rescind_evaluate::audit::{self, AuditSettings, Extent};
use rescind_evaluate::report::{Block, Options, Report, Scale, Tone, of_run};
use rescind_privacy::Delta;
use serde_json::Value;
use std::path::Path;
use std::str::FromStr;

fn report(run: &Run) -> Report {
    of_run(run, &Options::default(), &mut ()).unwrap()
}

fn create(root: &Path, config: RunConfig) -> Run {
    Run::create(root, config, None, &mut ()).unwrap()
}

fn trained(root: &Path, config: RunConfig) -> Run {
    let mut run = create(root, config);
    run.train(&mut ()).unwrap();
    run
}

#[test]
fn a_run_without_anything_has_a_report_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = create(folder.path(), small());
    let all = Options {
        show_records: true,
        spectrum: true,
        attack: Some(AttackSettings::default()),
        ..Options::default()
    };
    let nothing = of_run(&run, &all, &mut ()).unwrap();
    let page = nothing.to_html();
    check_page(&page);
    assert_eq!(
        (nothing.headline.kind.as_str(), nothing.headline.tone),
        ("Nothing yet", Tone::Plain)
    );
    for said in [
        "has not been trained",
        "train the run first",
        "Nothing was asked",
        "no weights to attack",
        "none to show",
    ] {
        assert!(page.contains(said), "{said}");
    }

    run.train(&mut ()).unwrap();
    let untouched = of_run(&run, &all, &mut ()).unwrap();
    check_page(&untouched.to_html());
    check_figures(&untouched);
    assert_eq!(untouched.headline.kind, "No guarantee");
    for said in ["none to show", "no record for an attack to look for"] {
        assert!(untouched.to_html().contains(said), "{said}");
    }
    assert_eq!(figure(&untouched, "spectrum").chart.series.len(), 1);

    run.forget(&unreleased("random:1"), &mut ()).unwrap();
    let unreleased = of_run(&run, &all, &mut ()).unwrap();
    check_page(&unreleased.to_html());
    check_figures(&unreleased);
    assert_eq!(unreleased.headline.kind, "No guarantee");
    assert!(
        unreleased
            .headline
            .sentence
            .contains("nothing was released")
    );
    for said in [
        "no request has a guarantee to lose",
        "No attack: 1 forgotten",
    ] {
        assert!(unreleased.to_html().contains(said), "{said}");
    }
}

#[test]
fn the_headline_is_the_statement_of_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = released_run(folder.path());
    let certificate = run.newest_certificate().unwrap();
    let stated = statement(&certificate);
    let first = report(&run);
    assert_eq!(first.headline.sentence, stated);
    assert_eq!(
        first.headline.kind,
        format!("Guarantee: {}", certificate.guarantee.kind)
    );
    // Its epsilon protects nobody, and the page does not make it look good.
    assert_eq!(first.headline.tone, Tone::Bad);
    let page = shown(&first.to_html());
    assert!(page.contains(&stated));
    assert!(!certificate.assumptions.is_empty());
    for assumption in &certificate.assumptions {
        let text = assumption.text(&certificate);
        assert!(page.contains(&text), "{text}");
    }
    check_page(&first.to_html());
    check_figures(&first);

    run.forget(&unreleased("random:10?seed=5"), &mut ())
        .unwrap();
    let later = report(&run);
    assert!(
        later
            .headline
            .notes
            .iter()
            .any(|note| note.contains("1 request answered since"))
    );

    let path = folder.path().join("releases/000001/certificate.json");
    let mut envelope: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let payload = BASE64_STANDARD.decode(envelope["payload"].as_str().unwrap());
    let payload = String::from_utf8(payload.unwrap()).unwrap();
    let edited = payload.replacen("30", "31", 1);
    assert_ne!(edited, payload);
    envelope["payload"] = BASE64_STANDARD.encode(edited).into();
    std::fs::write(&path, envelope.to_string()).unwrap();
    let broken = report(&run);
    assert_eq!(
        (broken.headline.tone, broken.headline.kind.as_str()),
        (Tone::Bad, "Certificate does not hold")
    );
    assert!(!broken.to_html().contains(&stated[..60]));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(report(&run).headline.kind, "Certificate does not hold");
}

/// Figures are drawn from the run's own numbers.
#[test]
fn plots_show_what_evaluation_ledger_and_solver_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(
        folder.path(),
        RunConfig {
            model: ModelChoice::default(),
            ..small()
        },
    );
    for seed in 1..=3 {
        run.forget(&released(&format!("random:20?seed={seed}"), 150.0), &mut ())
            .unwrap();
    }
    run.retrain(&mut ()).unwrap();
    let report = report(&run);
    check_page(&report.to_html());
    check_figures(&report);

    let evaluation = run.evaluate(&mut ()).unwrap();
    let accuracy = figure(&report, "accuracy");
    // No record is held out for validation: three rows.
    let Scale::Categories(rows) = &accuracy.chart.y.scale else {
        panic!("{:?}", accuracy.chart.y)
    };
    assert_eq!(rows, &["forgotten", "retained", "test"]);
    let retrained = evaluation.retrained.unwrap();
    let expected = [&retrained.forgotten, &retrained.retained, &retrained.test];
    for (point, measured) in series(accuracy, "retrained").iter().zip(expected) {
        assert!((point.0 - 100.0 * measured.accuracy.unwrap()).abs() < 1e-12);
    }

    let ledger = Ledger::open_existing(run.root()).unwrap();
    let history = ledger.history();
    let delta = Delta::new(1e-5).unwrap();
    let standings = figure(&report, "standings");
    for (standing, releases) in history.standings().unwrap().iter().zip([3, 2, 1]) {
        let name = format!("request {}", standing.request.number);
        let points = series(standings, &name);
        assert_eq!(points.len(), releases);
        let (last, today) = (
            points.last().unwrap(),
            standing.epsilon(delta).unwrap().value(),
        );
        assert!((last.1 / today - 1.0).abs() < 1e-12 && (last.0 - 3.0).abs() < 1e-12);
        assert!(
            points.windows(2).all(|pair| pair[0].1 < pair[1].1),
            "promises weaken"
        );
    }

    let trade = figure(&report, "trade-off");
    let marks = series(trade, "releases");
    let stated: Vec<f64> = history
        .releases()
        .map(|release| release.epsilon.value())
        .collect();
    assert_eq!(
        marks.iter().map(|point| point.0).collect::<Vec<_>>(),
        stated
    );
    let released = evaluation.released.unwrap();
    assert!((marks[2].1 - 100.0 * released.test.accuracy.unwrap()).abs() < 1e-9);
    // Hardly any noise leaves the accuracy as it is; ten times the weights' size ruins it.
    let tried = series(trade, "noise tried");
    let unlearned = 100.0 * evaluation.current.test.accuracy.unwrap();
    assert!(
        (tried[0].1 - unlearned).abs() < 2.0 && tried[10].1 < 50.0,
        "{tried:?}"
    );
    assert!(
        tried.windows(2).all(|pair| pair[0].0 > pair[1].0),
        "more noise, less epsilon"
    );

    let residual = figure(&report, "residual");
    let record = &run.answers().unwrap()[0];
    let newton: NewtonReport = record.method.details().unwrap();
    let drawn: Vec<f64> = series(residual, "request 1")
        .iter()
        .map(|point| point.1)
        .collect();
    assert_eq!(drawn, newton.history);
}

#[test]
fn audits_and_spectrum_are_shown_when_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let run = released_run(folder.path());
    let settings = AuditSettings {
        pairs: 20,
        ..AuditSettings::default()
    };
    let audit = audit::of_run(&run, &settings, Extent::Noise, Some(1), &mut ()).unwrap();
    let options = Options {
        spectrum: true,
        audit: Some(audit.clone()),
        ..Options::default()
    };
    let full = of_run(&run, &options, &mut ()).unwrap();
    check_page(&full.to_html());
    check_figures(&full);
    assert!(
        full.to_html()
            .contains("20 pairs of unlearned and retrained releases")
    );
    // The density of the spectrum is one: nearly all of it lies in the picture.
    let density = series(figure(&full, "spectrum"), "density");
    let area: f64 = density
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0)
        .sum();
    assert!((0.95..1.05).contains(&area), "{area}");

    let mut broken = audit;
    broken.claim.mu = 0.01;
    let options = Options {
        audit: Some(broken),
        ..Options::default()
    };
    let page = of_run(&run, &options, &mut ()).unwrap().to_html();
    assert!(page.contains("THE PROMISE IS BROKEN"));
}

/// Pictures whose class is named to do harm.
fn hostile_pictures(folder: &Path) -> DataSource {
    for (part, count) in [("train", 12), ("test", 4)] {
        for (class, shade) in [("<b onload=1>&\"'", 40_u8), ("plain", 200)] {
            let place = folder.join(part).join(class);
            std::fs::create_dir_all(&place).unwrap();
            for i in 0..count {
                let pixel = |at: u8| shade.wrapping_add(7 * (at % 6) + 11 * (at / 6) + i);
                let pixels: Vec<u8> = (0..6 * 5).map(pixel).collect();
                let file = std::fs::File::create(place.join(format!("{i}.png"))).unwrap();
                let encoder = png::Encoder::new(file, 6, 5);
                let mut writer = encoder.write_header().unwrap();
                writer.write_image_data(&pixels).unwrap();
            }
        }
    }
    DataSource::from_str(&format!("images:{}", folder.display())).unwrap()
}

#[test]
fn records_are_shown_only_if_asked_and_names_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let data = hostile_pictures(&folder.path().join("pictures <i>&"));
    let training = TrainingSettings {
        epochs: 2,
        batch: 4,
        ..TrainingSettings::default()
    };
    let classes = load(&data, None).unwrap().train.class_names().to_vec();
    let config = RunConfig {
        data,
        classes: Some(classes),
        training,
        ..small()
    };
    let mut run = trained(&folder.path().join("run <script>alert(1)</script>"), config);
    run.forget(&released("class:<b onload=1>&\"'", 0.1), &mut ())
        .unwrap();
    let usual = report(&run).to_html();
    check_page(&usual);
    assert!(!usual.contains("data:image"));
    assert!(usual.contains("&lt;script&gt;") && usual.contains("&lt;b onload=1&gt;"));

    let options = Options {
        show_records: true,
        ..Options::default()
    };
    let page = of_run(&run, &options, &mut ()).unwrap();
    check_page(&page.to_html());
    assert_eq!(page.to_html().matches("data:image/png;base64,").count(), 12);
    let Some(Block::Pictures(pictures)) = page.sections.last().unwrap().blocks.last() else {
        panic!()
    };
    assert_eq!(decoded(&pictures[0].png).0, (1, 5, 6));
    assert!(
        pictures[0].title.ends_with("<b onload=1>&\"'"),
        "{}",
        pictures[0].title
    );
    assert!(pictures[0].lines[0].starts_with("before: ") && pictures[0].lines.len() == 2);
}

#[test]
fn a_table_of_one_class_and_one_forgotten_record_has_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("one.csv");
    let rows: String = (0..30).map(|i| format!("{},{},only\n", i % 7, i)).collect();
    std::fs::write(&table, format!("a,b,y\n{rows}")).unwrap();
    let data = DataSource::from_str(&format!("csv:{}?label=y&test=0", table.display())).unwrap();
    let config = RunConfig {
        data,
        classes: Some(vec!["only".to_owned()]),
        ..small()
    };
    let mut run = trained(&folder.path().join("run"), config);
    run.forget(&released("3", 0.1), &mut ()).unwrap();
    let options = Options {
        show_records: true,
        spectrum: true,
        ..Options::default()
    };
    let page = of_run(&run, &options, &mut ()).unwrap();
    check_page(&page.to_html());
    check_figures(&page);
    assert!(page.to_html().contains("The records are no pictures"));
    assert!(
        page.to_html()
            .contains("Accuracy against epsilon: nothing to draw yet")
    );
}

#[cfg(unix)]
#[test]
fn a_report_is_written_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let run = trained(&folder.path().join("run"), small());
    let report = report(&run);
    let path = folder.path().join("page.html");
    std::fs::write(&path, "somebody else's").unwrap();
    let refused = report.write(&path).unwrap_err().to_string();
    assert!(refused.contains("not made by rescind"), "{refused}");
    // One of its own, which everybody can read.
    std::fs::write(&path, report.to_html()).unwrap();
    report.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.to_html());
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let written = report
        .write_figures(&folder.path().join("figures/deep"))
        .unwrap();
    assert_eq!(written.len(), 2 * report.figures().count());
    for file in written {
        let bytes = std::fs::read(&file).unwrap();
        match file.extension().unwrap().to_str() {
            Some("png") => assert_eq!(&bytes[1..4], b"PNG"),
            _ => assert!(bytes.starts_with(b"<svg ")),
        }
    }
    let nowhere = report
        .write(&folder.path().join("nowhere/page.html"))
        .unwrap_err();
    assert!(nowhere.to_string().contains("nowhere"), "{nowhere}");
}
