//! Audits and reports by the real binary, on runs made by the library.

use rescind::methods::MethodChoice;
use rescind::methods::newton::{
    Constants, Damping, HessianLipschitz, NewtonSettings, Preconditioning, RightHandSide,
};
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, ReleaseChoice, Request, Run, RunConfig};
use rescind_privacy::NoiseChoice;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn rescind(arguments: &[&str], run: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rescind"))
        .args(arguments)
        .arg(run)
        .env_remove("COLUMNS")
        .output()
        .unwrap()
}

fn trained(root: &Path) -> Run {
    let training = TrainingSettings {
        epochs: 3,
        penalty: 0.05,
        ..TrainingSettings::default()
    };
    let config = RunConfig {
        model: ModelChoice::Logistic,
        training,
        ..RunConfig::default()
    };
    let mut run = Run::create(root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    run
}

fn forget(run: &mut Run, settings: NewtonSettings, noise: NoiseChoice) {
    let release = ReleaseChoice {
        noise,
        accept_noise: true,
        insecure_noise_seed: Some(1),
        budget: None,
    };
    let asked = Request::of("random:30?seed=1".parse().unwrap())
        .by(MethodChoice::with("newton", &settings).unwrap())
        .released(release);
    run.forget(&asked, &mut ()).unwrap();
}

/// With the ball's diameter as bound, which always holds.
fn sound(root: &Path) {
    let noise = NoiseChoice::Sigma {
        sigma: 1e-3,
        delta: 1e-5,
    };
    forget(&mut trained(root), NewtonSettings::default(), noise);
}

/// Nobody trained to convergence, and the certificate assumes it.
fn unsound(root: &Path) {
    let settings = NewtonSettings {
        right_hand_side: RightHandSide::RetainGradient,
        damping: Damping::Given { value: 1e-4 },
        preconditioning: Preconditioning::None,
        constants: Constants {
            hessian_lipschitz: Some(HessianLipschitz::Assumed { value: 0.0 }),
            lanczos_steps: 650,
            ..Constants::default()
        },
        ..NewtonSettings::default()
    };
    let noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    forget(&mut trained(root), settings, noise);
}

#[test]
fn an_audit_ends_with_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| folder.path().join(name);
    sound(&run("sound"));
    unsound(&run("unsound"));
    drop(trained(&run("untouched")));
    let audit = ["audit", "--pairs", "200", "--seed", "1", "--json"];

    let good = rescind(&audit, &run("sound"));
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let found: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(
        (&found["holds"], &found["pairs"]),
        (&true.into(), &200.into())
    );
    assert!(found["mu"]["value"].as_f64().unwrap() <= found["claim"]["mu"].as_f64().unwrap());
    let text = String::from_utf8(rescind(&audit[..5], &run("sound")).stdout).unwrap();
    assert!(
        text.contains("Nothing found that breaks the promise"),
        "{text}"
    );

    let bad = rescind(&audit, &run("unsound"));
    assert_eq!(bad.status.code(), Some(4), "{bad:?}");
    let found: Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(found["holds"], false);
    let text = String::from_utf8(rescind(&audit[..5], &run("unsound")).stdout).unwrap();
    assert!(text.contains("THE PROMISE IS BROKEN"), "{text}");

    let nothing = rescind(&audit, &run("untouched"));
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    let wrong = rescind(&["audit", "--pairs", "3"], &run("sound"));
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    let wrong = rescind(&["audit", "--confidence", "1"], &run("sound"));
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn a_report_is_written_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    sound(&run);
    let usual = rescind(&["report", "--json"], &run);
    assert_eq!(usual.status.code(), Some(0), "{usual:?}");
    let written: Value = serde_json::from_slice(&usual.stdout).unwrap();
    assert_eq!(written["figures"], Value::Array(Vec::new()));
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("Guarantee: assumed") && !page.contains("data:image"));
    // Attacks are made unless they are left out, and the same with the same seed.
    let attacked = |options: &[&str]| {
        let done = rescind(&[&["report"], options].concat(), &run);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let page = std::fs::read_to_string(run.join("report.html")).unwrap();
        let roc = page.split("<figure id=\"roc\">").nth(1)?;
        roc.split("</figure>").next().map(str::to_owned)
    };
    let first = attacked(&["--seed", "5"]);
    assert!(
        first
            .as_ref()
            .is_some_and(|roc| roc.contains("unlearned (private): 0."))
    );
    assert_eq!(attacked(&["--seed", "5"]), first);
    assert_ne!(attacked(&[]), first);
    assert_eq!(attacked(&["--no-attacks"]), None);
    let both = rescind(&["report", "--no-attacks", "--seed", "5"], &run);
    assert_eq!(both.status.code(), Some(2), "{both:?}");

    let (out, figures) = (
        folder.path().join("page.html"),
        folder.path().join("figures"),
    );
    let full = [
        "report",
        "--audit",
        "--spectrum",
        "--show-records",
        "--out",
        out.to_str().unwrap(),
        "--figures",
        figures.to_str().unwrap(),
    ];
    let full = rescind(&full, &run);
    assert_eq!(full.status.code(), Some(0), "{full:?}");
    let page = std::fs::read_to_string(out).unwrap();
    for part in ["data:image", "2000 pairs", "Spectrum of the Hessian"] {
        assert!(page.contains(part), "{part}");
    }
    for name in ["accuracy.svg", "trade-off.png", "roc.svg", "spectrum.png"] {
        assert!(figures.join(name).exists(), "{name}");
    }
    // The page in the run's folder is in nobody's way.
    assert_eq!(rescind(&["evaluate"], &run).status.code(), Some(0));
    let again = rescind(&["audit", "--pairs", "20"], &run);
    assert_eq!(again.status.code(), Some(0));
    let nowhere = rescind(&["report"], &folder.path().join("nowhere"));
    assert_eq!(nowhere.status.code(), Some(1));
}

#[test]
fn the_results_of_a_comparison_have_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");
    let documented =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results/mnist-mlp.json");
    std::fs::copy(documented, &results).unwrap();
    let made = rescind(&["report", "--json"], &results);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let page = std::fs::read_to_string(folder.path().join("results.html")).unwrap();
    assert!(page.contains("Comparison: mnist-mlp") && page.contains("<figure id=\"trade-off\">"));
    for wrong in ["--audit", "--spectrum", "--show-records", "--no-attacks"] {
        let refused = rescind(&["report", wrong], &results);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    std::fs::write(&results, "{}").unwrap();
    let refused = rescind(&["report"], &results);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("not the results of a comparison"), "{said}");
}

#[test]
fn a_comparison_in_which_a_method_fails_says_so_and_has_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = folder.path().join("comparison.toml");
    let text = "name = \"small\"\nseeds = [1]\ndata = \"digits\"\nradius = 20.0\n\
                model = { kind = \"logistic\" }\nforget = \"random:20\"\nrelearn_limit = 2\n\
                [training]\nepochs = 2\n[attack]\nattackers = [\"logistic-regression\"]\n\
                [[methods]]\nname = \"tangent\"\n\
                method = { kind = \"certified\", method = { kind = \"tangent\" } }\n";
    std::fs::write(&file, text).unwrap();
    let compare = ["compare", "--out", out.to_str().unwrap()];
    let done = rescind(&compare, &file);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("tangent with seed 1 failed"), "{said}");
    assert!(said.contains("results.html"), "{said}");
    let page = std::fs::read_to_string(out.join("results.html")).unwrap();
    assert!(page.contains("2 of 3 measured, 1 failed"));
    assert!(out.join("figures/forgotten-loss.svg").exists());
    // Without it there is nothing that could fail.
    let end = text.find("[[methods]]").unwrap();
    std::fs::write(
        &file,
        text[..end].replace("[training]", "methods = []\n[training]"),
    )
    .unwrap();
    let other = folder.path().join("other");
    let done = rescind(&["compare", "--out", other.to_str().unwrap()], &file);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
}
