//! Audits and reports by the real binary, on runs made by the library.

use rescind::certificate::NoiseChoice;
use rescind::forgetting::{ForgetRequest, Method, ReleaseChoice};
use rescind::methods::newton::{
    Constants, Damping, HessianLipschitz, NewtonSettings, Preconditioning, RightHandSide,
};
use rescind::run::{ModelChoice, Run, RunConfig};
use rescind::training::TrainingSettings;
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
    let asked = ForgetRequest {
        request: "random:30?seed=1".parse().unwrap(),
        method: Method::Newton { settings },
        release: Some(ReleaseChoice {
            noise,
            insecure_noise_seed: Some(1),
            budget: None,
        }),
    };
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
        accept_noise: true,
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
    for name in ["accuracy.svg", "trade-off.png", "spectrum.png"] {
        assert!(figures.join(name).exists(), "{name}");
    }
    // The page in the run's folder is in nobody's way.
    assert_eq!(rescind(&["evaluate"], &run).status.code(), Some(0));
    let again = rescind(&["audit", "--pairs", "20"], &run);
    assert_eq!(again.status.code(), Some(0));
    let nowhere = rescind(&["report"], &folder.path().join("nowhere"));
    assert_eq!(nowhere.status.code(), Some(1));
}
