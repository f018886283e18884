//! ResNet-18 with batch norm on pictures in SVHN's format: train, forget, release, verify.

use rescind::methods::MethodChoice;
use rescind::methods::newton::{NewtonSettings, Preconditioning, SolverChoice};
use rescind::training::TrainingSettings;
use rescind::verify::{Evidence, verify};
use rescind::{ModelChoice, ReleaseChoice, Request, Run, RunConfig};
use rescind_curvature::Stopping;
use rescind_data::DataSource;
use rescind_network::{Activation, zoo};
use rescind_privacy::NoiseChoice;
use std::path::Path;

#[test]
#[ignore = "slow tier: trains a ResNet-18"]
fn resnet18_forgets_a_picture_in_svhns_format() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("svhn");
    std::fs::create_dir(&pictures).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = fixture.join("../data/tests/fixtures/svhn-compressed.mat");
    for part in ["train", "test"] {
        std::fs::copy(&fixture, pictures.join(format!("{part}_32x32.mat"))).unwrap();
    }
    let config = RunConfig {
        data: DataSource::Svhn(pictures),
        model: ModelChoice::Resnet18 {
            activation: Activation::Relu,
            norm: zoo::Norm::Batch,
        },
        radius: Some(200.0),
        training: TrainingSettings {
            epochs: 1,
            batch: 3,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    };
    let root = folder.path().join("run");
    let mut run = Run::create(&root, config, None, &mut ()).unwrap();
    run.train(&mut ()).unwrap();
    let parameters = run.model().description().parameters();
    assert!((11_000_000..11_500_000).contains(&parameters));
    let settings = NewtonSettings {
        preconditioning: Preconditioning::None,
        solver: SolverChoice::Cg {
            stopping: Stopping {
                relative_tolerance: 0.5,
                max_products: 3,
            },
        },
        ..NewtonSettings::default()
    };
    let asked = Request::of("2".parse().unwrap())
        .by(MethodChoice::with("newton", &settings).unwrap())
        .released(ReleaseChoice::new(NoiseChoice::Sigma {
            sigma: 1e-4,
            delta: 1e-5,
        }));
    let answer = run.forget(&asked, &mut ()).unwrap();
    let released = answer.release.unwrap();
    assert_eq!(run.retained().len(), 5);
    assert_eq!(released.certificate.model.parameters, parameters as u64);
    assert_eq!(
        released.weights.statistics().len(),
        run.model().description().statistic_count()
    );
    drop(run);
    let certificate = std::fs::read(released.folder.join("certificate.json")).unwrap();
    let evidence = Evidence {
        run: Some(root),
        ..Evidence::default()
    };
    let report = verify(&certificate, &evidence);
    assert!(report.holds(), "{report}");
}
