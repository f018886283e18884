//! Certificates of real releases, edited and signed again with the run's own key, with every figure put
//! right that follows from others: what the released files themselves contradict does not hold.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{promise, small, trained, weak};
use ed25519_dalek::{Signer, SigningKey};
use rescind::certificate::{digest_of, sha256, signed_bytes};
use rescind::methods::MethodChoice;
use rescind::training::TrainingSettings;
use rescind::verify::{
    Evidence, Outcome, Subject, Verdict, VerificationReport, verify, verify_run,
};
use rescind::{ModelChoice, Parameterisation, Request, Run, RunConfig};
use rescind_data::Digest;
use rescind_network::{Activation, Network, Weights, zoo};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A run, and a copy of its release to forge.
struct Forgery {
    _folder: TempDir,
    root: PathBuf,
    apart: PathBuf,
}

impl Forgery {
    fn of(config: RunConfig, request: Request) -> Self {
        Self::around(config, None, request)
    }

    fn around(config: RunConfig, centre: Option<&[u8]>, request: Request) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (root, apart) = (folder.path().join("run"), folder.path().join("apart"));
        let mut run = match centre {
            None => trained(&root, config),
            Some(_) => {
                let mut run = Run::create(&root, config, centre, &mut ()).unwrap();
                run.train(&mut ()).unwrap();
                run
            }
        };
        run.forget(&request, &mut ()).unwrap();
        drop(run);
        common::copy(&root.join("releases/000001"), &apart);
        let forgery = Self {
            _folder: folder,
            root,
            apart,
        };
        let report = forgery.check();
        assert_eq!(report.verdict(), Verdict::Consistent, "{report}");
        let bytes = fs::read(forgery.apart.join("certificate.json")).unwrap();
        let report = verify_run(&bytes, &forgery.root, Evidence::default()).unwrap();
        assert_eq!(report.verdict(), Verdict::Holds, "{report}");
        forgery
    }

    fn check(&self) -> VerificationReport {
        let bytes = fs::read(self.apart.join("certificate.json")).unwrap();
        let evidence = Evidence {
            beside: Some(self.apart.clone()),
            ..Evidence::default()
        };
        verify(&bytes, &evidence)
    }

    fn edit(&self, change: impl Fn(&mut Value)) {
        let path = self.apart.join("certificate.json");
        let mut envelope: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
        let mut statement: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
        change(&mut statement);
        let payload = serde_json::to_vec(&statement).unwrap();
        let seed = fs::read_to_string(self.root.join("private/signing.key")).unwrap();
        let seed: Digest = seed.trim().parse().unwrap();
        let key = SigningKey::from_bytes(seed.as_bytes());
        envelope["payload"] = STANDARD.encode(&payload).into();
        let signature = key.sign(&signed_bytes(&payload)).to_bytes();
        envelope["signatures"][0]["sig"] = STANDARD.encode(signature).into();
        fs::write(&path, envelope.to_string()).unwrap();
    }

    /// Puts right what follows from other figures, and removes the renderings.
    fn mend(&self) {
        for name in ["certificate.txt", "certificate.md"] {
            fs::remove_file(self.apart.join(name)).ok();
        }
        for _ in 0..8 {
            let report = self.check();
            let wrong = report
                .failures()
                .filter(|c| c.subject == Subject::Arithmetic);
            let wrong: Vec<(String, Value)> = wrong
                .map(|check| {
                    let Outcome::Failed { expected, .. } = &check.outcome else {
                        unreachable!()
                    };
                    let expected = serde_json::from_str(expected);
                    (check.field.clone(), expected.unwrap_or(Value::Null))
                })
                .collect();
            if wrong.is_empty() {
                return;
            }
            self.edit(|statement| {
                for (field, expected) in &wrong {
                    if let Some(place) = statement["predicate"].pointer_mut(field) {
                        *place = expected.clone();
                    }
                }
            });
        }
    }

    #[track_caller]
    fn fails_at(&self, field: &str) {
        self.mend();
        let report = self.check();
        let failed = report.failures();
        let failed: Vec<_> = failed.map(|c| (c.subject, c.field.as_str())).collect();
        assert!(failed.contains(&(Subject::Files, field)), "{report}");
        // Of the files alone: what the certificate says itself agrees.
        let others = failed
            .iter()
            .filter(|(subject, _)| *subject != Subject::Files);
        assert_eq!(others.count(), 0, "{report}");
    }
}

fn constants(statement: &mut Value, symbol: &str, value: f64) {
    let bounds = statement["predicate"]["bounds"].as_array_mut().unwrap();
    for bound in bounds {
        for constant in bound["constants"].as_array_mut().unwrap() {
            if constant["symbol"] == symbol {
                constant["value"] = value.into();
            }
        }
    }
}

fn network() -> RunConfig {
    RunConfig {
        model: ModelChoice::Mlp {
            hidden: vec![8],
            activation: Activation::Relu,
            norm: zoo::Norm::None,
        },
        ..small()
    }
}

fn tangent() -> RunConfig {
    RunConfig {
        parameterisation: Parameterisation::Tangent,
        training: TrainingSettings {
            penalty: 1e-2,
            until_gradient: Some(1e-6),
            ..TrainingSettings::default()
        },
        ..small()
    }
}

fn request() -> Request {
    Request::of("random:10?seed=1".parse().unwrap())
}

/// By how much noise of this σ.
fn noised(sigma: f64) -> rescind::ReleaseChoice {
    rescind::ReleaseChoice::new(rescind_privacy::NoiseChoice::Sigma { sigma, delta: 1e-5 })
}

#[test]
fn a_radius_is_one_that_the_released_weights_can_lie_in() {
    let forgery = Forgery::of(network(), request().released(noised(0.01)));
    forgery.edit(|statement| {
        statement["predicate"]["model"]["ball"]["radius"] = 0.001.into();
        constants(statement, "R", 0.001);
    });
    forgery.fails_at("/model/ball/radius");

    // Of a start that was projected, and of steps.
    for (steps, radius) in [(0, 0.5), (3, 0.5)] {
        let (name, settings) = match steps {
            0 => (
                "output-perturbation",
                json!({"start_radius": radius, "recovery_epochs": 0}),
            ),
            _ => (
                "noisy-finetune",
                json!({"start_radius": radius, "noisy_steps": steps, "recovery_epochs": 0}),
            ),
        };
        let method = MethodChoice {
            name: name.to_owned(),
            settings: settings.as_object().unwrap().clone(),
        };
        let forgery = Forgery::of(network(), request().by(method).released(noised(0.001)));
        forgery.edit(|statement| {
            statement["predicate"]["method"]["settings"]["start_radius"] = 0.001.into();
            constants(statement, "R0", 0.001);
            if steps > 0 {
                statement["predicate"]["method"]["settings"]["clip_norm"] = 1e-4.into();
                constants(statement, "C1", 1e-4);
            }
        });
        forgery.fails_at("/model/ball/radius");
    }
}

#[test]
fn noise_that_is_not_in_the_released_weights_is_not_believed() {
    let forgery = Forgery::of(network(), request().released(noised(0.01)));
    forgery.edit(|statement| {
        let noise = &mut statement["predicate"]["noise"];
        noise["choice"]["sigma"] = 100.0.into();
    });
    forgery.mend();
    let report = forgery.check();
    assert!(
        report.failures().any(|c| c.field == "/model/ball/radius"),
        "{report}"
    );
}

#[test]
fn a_description_says_what_its_layers_make() {
    for edit in [
        |model: &mut Value| model["smoothness"]["rough"] = json!([]),
        |model: &mut Value| {
            let tensor = &mut model["tensors"][0];
            tensor["fan_in"] = 7.into();
        },
        |model: &mut Value| model["tensors"][0]["name"] = "another".into(),
    ] {
        let forgery = Forgery::of(network(), request().released(noised(0.01)));
        let path = forgery.apart.join("model.json");
        let mut model: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(&mut model);
        let bytes = serde_json::to_vec(&model).unwrap();
        fs::write(&path, &bytes).unwrap();
        forgery.edit(|statement| {
            statement["subject"][1]["digest"]["sha256"] = sha256(&bytes).into();
            let own = &mut statement["predicate"]["model"];
            own["description"] = digest_of(&bytes).to_string().into();
            own["rough_parts"] = model["smoothness"]["rough"].clone();
        });
        forgery.mend();
        let report = forgery.check();
        let failed: Vec<&str> = report.failures().map(|c| c.field.as_str()).collect();
        assert!(failed.contains(&"/model/description"), "{report}");
    }
}

#[test]
fn a_radius_is_proved_for_as_many_classes_as_there_are() {
    let forgery = Forgery::of(tangent(), request().released(weak()));
    // √(2 ln 2 / penalty) = 11.78, and with ten classes 21.46.
    forgery.edit(|statement| {
        statement["predicate"]["model"]["ball"]["radius"] = 15.0.into();
        constants(statement, "R", 15.0);
    });
    forgery.fails_at("/model/ball/radius");
}

#[test]
fn renderings_of_another_version_are_in_other_words() {
    let forgery = Forgery::of(network(), request().released(noised(0.01)));
    let said = |report: &VerificationReport| {
        let mut unchecked = report.unchecked();
        unchecked.any(|why| why.starts_with("certificate.txt: it is not what version"))
    };
    assert!(!said(&forgery.check()));
    forgery.edit(|statement| statement["predicate"]["code"]["version"] = "0.0.0".into());
    let report = forgery.check();
    assert!(report.holds() && said(&report), "{report}");
}

fn with_run(root: &Path, release: u64) -> VerificationReport {
    let path = format!("releases/{release:06}/certificate.json");
    let bytes = fs::read(root.join(path)).unwrap();
    verify_run(&bytes, root, Evidence::default()).unwrap()
}

#[test]
fn with_the_run_a_reader_learns_what_holds_today_and_that_noise_is_there() {
    let forgery = Forgery::of(tangent(), request().released(promise(1.0)));
    let report = with_run(&forgery.root, 1);
    let today = *report.today().unwrap();
    assert_eq!((today.releases, today.epsilon), (1, Some(1.0)));
    let noise = |report: &VerificationReport| {
        let passed = report
            .checks()
            .iter()
            .filter(|c| c.outcome == Outcome::Passed);
        let mut passed = passed.filter(|c| c.subject == Subject::Measurements);
        passed.any(|check| check.why.contains("as noise of the size stated"))
    };
    assert!(noise(&report), "{report}");
    // Nobody else can tell.
    let alone = forgery.check();
    assert!(alone.today().is_none() && !noise(&alone));
    for said in ["that noise was added", "that this program ran"] {
        assert!(alone.unchecked().any(|why| why.starts_with(said)), "{said}");
    }
    let mut run = Run::open(&forgery.root).unwrap();
    for seed in [2, 3] {
        let request = format!("random:10?seed={seed}");
        let request = Request::of(request.parse().unwrap());
        run.forget(&request.released(promise(1.0)), &mut ())
            .unwrap();
    }
    drop(run);
    let today = *with_run(&forgery.root, 1).today().unwrap();
    assert_eq!(today.releases, 3);
    assert!(today.epsilon.unwrap() > 1.5, "{today}");
    let today = *with_run(&forgery.root, 3).today().unwrap();
    assert_eq!((today.releases, today.epsilon), (1, Some(1.0)));
}

/// The backbone of a head carries no noise: it is the one that was given, and nothing else passes for
/// it.
#[test]
fn what_carries_no_noise_is_the_centre() {
    let layers = zoo::mlp(&[1, 8, 8], &[8], 10, Activation::Relu, zoo::Norm::None).unwrap();
    let network = Network::new(layers).unwrap();
    let weights = |parameters| Weights::<f32> {
        parameters,
        statistics: Vec::new(),
    };
    let centre = weights(network.initialise(4))
        .to_safetensors(&network)
        .unwrap();
    let head = || RunConfig {
        parameterisation: Parameterisation::Head,
        declared_by: Some("A. Smith".to_owned()),
        model: self::network().model,
        ..tangent()
    };
    let forged = |change: &dyn Fn(&mut Vec<f32>), edit: &dyn Fn(&mut Value)| {
        let forgery = Forgery::around(head(), Some(&centre), request().released(promise(1.0)));
        let path = forgery.apart.join("weights.safetensors");
        let bytes = fs::read(&path).unwrap();
        let mut released = Weights::<f32>::from_safetensors(&network, &bytes).unwrap();
        change(&mut released.parameters);
        let bytes = released.to_safetensors(&network).unwrap();
        fs::write(&path, &bytes).unwrap();
        forgery.edit(|statement| {
            statement["subject"][0]["digest"]["sha256"] = sha256(&bytes).into();
            statement["predicate"]["model"]["weights"] = digest_of(&bytes).to_string().into();
            edit(&mut statement["predicate"]);
        });
        forgery
    };
    forged(&|w| w[0] += 0.25, &|_| ()).fails_at("weights.safetensors");
    // Whatever lies beside it: a head's centre is its backbone and zeros.
    let other = vec![0.3_f32; network.parameter_count()];
    let beside = weights(other.clone()).to_safetensors(&network).unwrap();
    let digest = other
        .iter()
        .flat_map(|c| c.to_le_bytes())
        .collect::<Vec<u8>>();
    let forgery = forged(&|w| w.copy_from_slice(&other), &|predicate| {
        predicate["model"]["ball"]["centre"] = digest_of(&digest).to_string().into();
    });
    fs::write(forgery.apart.join("centre.safetensors"), &beside).unwrap();
    forgery.fails_at("weights.safetensors");
    let less = |predicate: &mut Value| {
        predicate["model"]["ball"]["largest_centre"] = 0.01.into();
    };
    forged(&|_| (), &less).fails_at("/model/ball/largest_centre");
    // Nor is less of it frozen than is, or more.
    for by in [-1_i64, 1] {
        let change = move |predicate: &mut Value| {
            let frozen = &mut predicate["model"]["frozen"];
            *frozen = (frozen.as_i64().unwrap() + by).into();
        };
        forged(&|_| (), &change).fails_at("/model/frozen");
    }
}

/// Whatever is not a weight carries no noise: a note beside the weights, or in how they are written.
#[test]
fn released_files_hold_nothing_but_what_they_are_read_for() {
    let with_header = |bytes: &[u8], change: &dyn Fn(&str) -> String| {
        let (length, rest) = bytes.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let (header, numbers) = rest.split_at(length);
        let header = change(std::str::from_utf8(header).unwrap());
        let mut changed = (header.len() as u64).to_le_bytes().to_vec();
        changed.extend(header.as_bytes());
        changed.extend(numbers);
        changed
    };
    let noted = |header: &str| {
        let note = "{\"__metadata__\":{\"note\":\"record 3 was ill\"},";
        header.replacen('{', note, 1)
    };
    let padded = |header: &str| format!("{header}        ");
    type Change<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let changes: [(usize, &str, &str, Change<'_>); 3] = [
        (0, "weights.safetensors", "weights", &|bytes| {
            with_header(bytes, &noted)
        }),
        (0, "weights.safetensors", "weights", &|bytes| {
            with_header(bytes, &padded)
        }),
        (1, "model.json", "description", &|bytes| {
            [bytes, b" \t "].concat()
        }),
    ];
    for (subject, file, digest, change) in changes {
        let forgery = Forgery::of(network(), request().released(noised(0.01)));
        let path = forgery.apart.join(file);
        let bytes = change(&fs::read(&path).unwrap());
        fs::write(&path, &bytes).unwrap();
        forgery.edit(|statement| {
            statement["subject"][subject]["digest"]["sha256"] = sha256(&bytes).into();
            let own = &mut statement["predicate"]["model"];
            own[digest] = digest_of(&bytes).to_string().into();
        });
        forgery.fails_at(file);
    }
}

/// Others write 1.0 as 1.
#[test]
fn a_whole_number_may_be_written_without_its_point() {
    let forgery = Forgery::of(network(), request().released(noised(1.0)));
    forgery.edit(|statement| {
        let sigma = &mut statement["predicate"]["noise"]["sigma"];
        assert_eq!(sigma.to_string(), "1.0");
        *sigma = 1.into();
    });
    let report = forgery.check();
    assert_eq!(report.verdict(), Verdict::Consistent, "{report}");
}
