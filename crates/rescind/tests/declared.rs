//! What a promise takes on somebody's word is of kind `declared` and named, and of kind `assumed`
//! where nobody gives theirs.

mod common;

use common::{checked, newton, private_weights, promise, small, trained, weak};
use rescind::certificate::{AssumptionName, Certificate, Declared};
use rescind::methods::MethodChoice;
use rescind::methods::noisy::FinetuneSettings;
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, verify_run};
use rescind::{Error, ModelError, Parameterisation, Request, Run, RunConfig, Scaling};
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};

fn named(config: RunConfig) -> RunConfig {
    RunConfig {
        declared_by: Some("A. Smith".to_owned()),
        ..config
    }
}

/// Kind and declarations of the release that answers a Newton step.
fn released(run: &mut Run) -> (GuaranteeKind, Certificate) {
    let answer = run.forget(&newton("random:5").released(weak_but_secret()), &mut ());
    let certificate = answer.unwrap().release.unwrap().certificate;
    let release = certificate.release;
    assert!(checked(run, release).holds(), "{}", checked(run, release));
    (certificate.guarantee.kind, certificate)
}

/// Noise that hides nothing, from the operating system: a fixed seed is an assumption of its own.
fn weak_but_secret() -> rescind::ReleaseChoice {
    rescind::ReleaseChoice {
        accept_noise: false,
        insecure_noise_seed: None,
        ..weak()
    }
}

fn what(certificate: &Certificate) -> Vec<(Declared, Option<&str>)> {
    let all = certificate.declarations.iter();
    all.map(|one| (one.what, one.by.as_deref())).collect()
}

#[test]
fn a_centre_trained_on_the_records_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = |name: &str| folder.path().join(name);
    drop(trained(&root("trained"), small()));
    let centre = private_weights(&root("trained"));
    // Everything stays within a hair of weights that hold the records.
    let tight = RunConfig {
        radius: Some(1e-3),
        ..small()
    };
    let refused = Run::create(&root("a"), tight.clone(), Some(&centre), &mut ()).map(drop);
    assert!(
        matches!(&refused, Err(Error::Unlearn(ModelError::NotProvable { reason }))
            if reason.contains("--declared-by")),
        "{refused:?}"
    );
    let mut run = Run::create(&root("b"), named(tight), Some(&centre), &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let asked = newton("random:50").released(promise(1.0));
    let certificate = run.forget(&asked, &mut ()).unwrap().release.unwrap();
    let certificate = certificate.certificate;
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Declared);
    assert_eq!(certificate.bounds[0].kind, GuaranteeKind::Declared);
    let by = Some("A. Smith");
    assert_eq!(what(&certificate), [(Declared::PublicCentre, by)]);
    let digest = certificate.model.ball.centre.unwrap().to_string();
    let sentences = certificate.assumptions.iter();
    let mut sentences = sentences.map(|assumption| assumption.text(&certificate));
    let sentence = sentences.find(|text| text.contains("A. Smith")).unwrap();
    assert!(sentence.contains(&digest), "{sentence}");
    assert!(checked(&run, 1).holds(), "{}", checked(&run, 1));
}

#[test]
fn a_certificate_cannot_keep_a_centre_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    drop(trained(&folder.path().join("a"), small()));
    let centre = private_weights(&folder.path().join("a"));
    let root = folder.path().join("b");
    let mut run = Run::create(&root, named(small()), Some(&centre), &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let (_, mut certificate) = released(&mut run);
    certificate.declarations.clear();
    let found = rescind::certificate::contradictions(&certificate);
    assert!(
        found.iter().any(|one| one.field == "/declarations"),
        "{found:?}"
    );
}

#[test]
fn a_blank_name_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "  ", "A\nSmith", "A  Smith", &"x".repeat(101)] {
        let config = RunConfig {
            declared_by: Some(name.to_owned()),
            ..small()
        };
        let refused = Run::create(folder.path(), config, None, &mut ()).map(drop);
        assert!(
            matches!(&refused, Err(Error::Unlearn(ModelError::Setting { setting, .. }))
                if *setting == "declared_by"),
            "{refused:?}"
        );
    }
}

#[test]
fn how_imported_weights_came_about_is_on_somebodys_word() {
    let folder = tempfile::tempdir().unwrap();
    let root = |name: &str| folder.path().join(name);
    let mut own = trained(&root("own"), small());
    let weights = private_weights(&root("own"));
    let (kind, certificate) = released(&mut own);
    assert_eq!((kind, what(&certificate).len()), (GuaranteeKind::Proved, 0));

    let mut imported = Run::import(&root("a"), small(), None, &weights, &mut ()).unwrap();
    let (kind, certificate) = released(&mut imported);
    assert_eq!(kind, GuaranteeKind::Assumed);
    assert_eq!(what(&certificate), [(Declared::ImportedWeights, None)]);

    let mut imported = Run::import(&root("b"), named(small()), None, &weights, &mut ()).unwrap();
    let (kind, certificate) = released(&mut imported);
    assert_eq!(kind, GuaranteeKind::Declared);
    let by = Some("A. Smith");
    assert_eq!(what(&certificate), [(Declared::ImportedWeights, by)]);

    // Noise at every step from a projected start hides any two starts (docs/theory.md §4).
    let noisy = MethodChoice::with("noisy-finetune", &FinetuneSettings::default()).unwrap();
    let asked = newton("random:5?seed=2").by(noisy).released(promise(1.0));
    let answer = imported.forget(&asked, &mut ()).unwrap();
    let certificate = answer.release.unwrap().certificate;
    assert_eq!(certificate.guarantee.binding, Theorem::NoisyFineTuning);
    assert_eq!(certificate.guarantee.kind, GuaranteeKind::Proved);
    assert_eq!(what(&certificate), [(Declared::ImportedWeights, by)]);
    // So it does not take for granted what the import says of them.
    let mut assumed = certificate.assumptions.iter();
    assert!(assumed.all(|assumption| assumption.name != AssumptionName::ImportedWeights));
}

#[test]
fn constants_of_scaling_are_on_somebodys_word() {
    let folder = tempfile::tempdir().unwrap();
    let supplied = RunConfig {
        scaling: Scaling::Supplied {
            mean: vec![0.3],
            std: vec![0.4],
        },
        ..small()
    };
    for (name, config, kind) in [
        ("a", supplied.clone(), GuaranteeKind::Assumed),
        ("b", named(supplied), GuaranteeKind::Declared),
    ] {
        let mut run = trained(&folder.path().join(name), config);
        let (found, certificate) = released(&mut run);
        assert_eq!(found, kind);
        let by = run.config().unwrap().declared_by.as_deref();
        assert_eq!(what(&certificate), [(Declared::InputScaling, by)]);
    }
}

/// That weights came from elsewhere is true of every release, also where a descent has moved them
/// since.
#[test]
fn an_import_is_not_forgotten_by_what_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = |name: &str| folder.path().join(name);
    let config = || RunConfig {
        parameterisation: Parameterisation::Tangent,
        training: TrainingSettings {
            penalty: 1e-2,
            until_gradient: Some(1e-4),
            ..TrainingSettings::default()
        },
        ..small()
    };
    drop(trained(&root("trained"), config()));
    let weights = private_weights(&root("trained"));
    for (name, by) in [("a", None), ("b", Some("A. Smith"))] {
        let config = RunConfig {
            declared_by: by.map(str::to_owned),
            ..config()
        };
        let mut run = Run::import(&root(name), config, None, &weights, &mut ()).unwrap();
        for seed in [1, 2] {
            let request = Request::of(format!("random:5?seed={seed}").parse().unwrap());
            let request = request.by(MethodChoice::named("descent"));
            let answer = run.forget(&request.released(weak_but_secret()), &mut ());
            let certificate = answer.unwrap().release.unwrap().certificate;
            let declared = what(&certificate);
            assert!(
                declared.contains(&(Declared::ImportedWeights, by)),
                "{declared:?}"
            );
            let kind = match by {
                Some(_) => GuaranteeKind::Declared,
                None => GuaranteeKind::Assumed,
            };
            assert_eq!(certificate.guarantee.kind, kind);
        }
        drop(run);
        for release in ["000001", "000002"] {
            let path = format!("releases/{release}/certificate.json");
            let bytes = std::fs::read(root(name).join(path)).unwrap();
            let report = verify_run(&bytes, &root(name), Evidence::default()).unwrap();
            assert!(report.holds(), "{report}");
        }
    }
}
