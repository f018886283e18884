//! Releases, certificates and what is promised, through the real binary.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{folder, json, run, status};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn trained(here: &Path, more: &str) {
    let _: Value = json(here, &format!("train --out run --epochs 5 {more}"));
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// What a failed command said, with its exit status.
fn failure_of(here: &Path, arguments: &str) -> (i32, String) {
    let output = run(here, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

fn requests(here: &Path) -> Vec<Value> {
    let status: Value = json(here, "status run");
    status["requests"].as_array().unwrap().clone()
}

/// Requests that no release covers yet.
fn pending(here: &Path) -> Vec<u64> {
    let status: Value = json(here, "status run");
    let numbers = status["pending"].as_array().unwrap().iter();
    numbers.map(|number| number.as_u64().unwrap()).collect()
}

#[test]
fn a_release_says_its_true_epsilon_and_can_be_verified() {
    let here = folder();
    let here = here.path();
    trained(here, "");
    let answer: Value = json(here, "forget run --random 20 --sigma 0.001 --check");
    let release = &answer["release"];
    // docs/theory.md §2: the ball's diameter is 40, so mu = 40 000 and epsilon about 8e8.
    assert!((number(&release["sensitivity"]) - 40.0).abs() < 1e-9 && release["kind"] == "proved");
    assert!((number(&release["epsilon"]) / 8e8 - 1.0).abs() < 1e-2);
    let certificate = format!("{}/certificate.json", release["folder"].as_str().unwrap());

    let verdict: Value = json(here, &format!("verify {certificate} --run run"));
    let fingerprint = verdict["fingerprint"].as_str().unwrap().to_owned();
    let checks = verdict["checks"].as_array().unwrap();
    assert!(verdict["verdict"] == "holds" && checks.len() > 30);
    assert!(
        checks
            .iter()
            .all(|check| check["outcome"] == "passed" || check["field"] == "")
    );
    let told = String::from_utf8(run(here, &format!("verify {certificate}")).stdout).unwrap();
    assert!(
        told.contains("nobody you named signed it") && told.contains(&fingerprint),
        "{told}"
    );
    for said in [
        "NOT CHECKED  ledger",
        "In plain numbers: ",
        "Compared with: ",
    ] {
        assert!(told.contains(said), "{said} in {told}");
    }
    assert_eq!(status(here, &format!("verify {certificate}")), 5);
    assert_eq!(verdict["verdict"], "holds");
    let known = format!("verify {certificate} --fingerprint");
    assert_eq!(status(here, &format!("{known} {fingerprint}")), 0);
    assert_eq!(status(here, &format!("{known} 0000-0000")), 4);

    // Weights that were swapped beside it are found without the run.
    let away = here.join("away");
    fs::create_dir(&away).unwrap();
    let folder = here.join(release["folder"].as_str().unwrap());
    for name in ["certificate.json", "model.json", "weights.safetensors"] {
        fs::copy(folder.join(name), away.join(name)).unwrap();
    }
    let there = format!("verify away/certificate.json --fingerprint {fingerprint}");
    assert_eq!(status(here, &there), 0);
    let mut weights = fs::read(away.join("weights.safetensors")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    fs::write(away.join("weights.safetensors"), weights).unwrap();
    assert_eq!(status(here, &there), 4);
    assert_eq!(status(here, &format!("{there} --run run")), 4);
    fs::remove_file(away.join("weights.safetensors")).unwrap();
    let verdict: Value = json(here, &there);
    let unchecked = verdict["unchecked"].as_array().unwrap();
    let listed = unchecked
        .iter()
        .any(|why| why.as_str().unwrap().contains("weights.safetensors"));
    assert!(listed, "{unchecked:?}");

    let path = here.join(&certificate);
    let mut envelope: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
    let payload = String::from_utf8(payload.unwrap()).unwrap();
    let edited = payload.replacen("\"sigma\":0.001", "\"sigma\":0.002", 1);
    assert_ne!(edited, payload);
    envelope["payload"] = STANDARD.encode(edited).into();
    fs::write(&path, envelope.to_string()).unwrap();
    let edited = run(here, &format!("verify {certificate} --json"));
    let verdict: Value = serde_json::from_slice(&edited.stdout).unwrap();
    let failed = |check: &Value| check["outcome"] == "failed";
    let fields = verdict["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| failed(check));
    let fields: Vec<&str> = fields
        .map(|check| check["field"].as_str().unwrap())
        .collect();
    assert_eq!(edited.status.code(), Some(4));
    assert!(
        fields.contains(&"/noise/sigma") || fields.contains(&"/noise/choice/sigma"),
        "{fields:?}"
    );
    assert_eq!(status(here, "verify nowhere.json"), 1);
    let evaluation: Value = json(here, "evaluate run");
    assert!(number(&evaluation["released"]["test"]["accuracy"]) > 0.5);
}

#[test]
fn a_promise_that_would_destroy_the_model_is_refused_and_nothing_changes() {
    let here = folder();
    let here = here.path();
    trained(here, "");
    let asked = "forget run --random 20 --epsilon 1 --delta 1e-5";
    let (code, said) = failure_of(here, asked);
    assert_eq!(code, 3, "{said}");
    for part in [
        "149.2",
        "ball_diameter",
        "What would work",
        "tangent",
        "accept",
    ] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(requests(here).is_empty() && !here.join("run/releases/000001").exists());
    let accepted: Value = json(here, &format!("{asked} --accept-noise"));
    assert!((number(&accepted["release"]["sigma"]) / 149.225 - 1.0).abs() < 1e-4);
    for usage in [
        "forget run --random 5 --sigma 0",
        "forget run --random 5 --sigma 1 --epsilon 1",
        "forget run --random 5 --accept-noise",
        "forget run --random 5 --budget 1",
        "forget run --random 5 --insecure-noise-seed 1",
        "forget run --random 5 --sigma 1 --delta 2",
    ] {
        assert_eq!(status(here, usage), 2, "{usage}");
    }
}

#[test]
fn promises_weaken_with_later_releases_and_a_budget_keeps_them() {
    let here = folder();
    let here = here.path();
    trained(here, "");
    let asked = |seed: u32, more: &str| format!("forget run --random 5 --seed {seed} {more}");
    let _: Value = json(here, &asked(1, "--sigma 40"));
    let first = number(&requests(here)[0]["epsilon"]);
    let unreleased: Value = json(here, &asked(2, ""));
    assert!(unreleased["release"].is_null());
    assert_eq!(requests(here)[1]["releases"], 0);
    assert_eq!(pending(here), [2]);

    let (code, said) = failure_of(
        here,
        &asked(3, &format!("--sigma 40 --budget {}", first * 1.1)),
    );
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("budget") && said.contains("request 1"),
        "{said}"
    );
    assert_eq!((requests(here).len(), pending(here)), (2, vec![2]));

    let _: Value = json(
        here,
        &asked(3, &format!("--sigma 40 --budget {}", first * 2.0)),
    );
    let today = requests(here);
    assert!(pending(here).is_empty());
    // The first request is covered by two releases, the others by one.
    assert_eq!(
        today
            .iter()
            .map(|r| r["releases"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [2, 1, 1]
    );
    let epsilons: Vec<f64> = today.iter().map(|r| number(&r["epsilon"])).collect();
    assert!(epsilons[0] > first * 1.2 && (epsilons[1] - first).abs() < 1e-12);
    // Sensitivity 40 and sigma 40 are mu = 1; two such releases compose to mu = √2 (docs/theory.md §5).
    let two = format!(
        "calibrate --sensitivity {} --sigma 1 --delta 1e-5",
        2_f64.sqrt()
    );
    let two: Value = json(here, &two);
    assert!((epsilons[0] / number(&two["epsilon"]) - 1.0).abs() < 1e-9);
}

#[test]
fn what_was_forgotten_before_is_released_later() {
    let here = folder();
    let here = here.path();
    trained(here, "");
    let release = "release run --sigma 40";
    let nothing = run(here, &format!("{release} --json"));
    let failure: Value = serde_json::from_slice(&nothing.stdout).unwrap();
    assert_eq!(
        (nothing.status.code(), &failure["code"]),
        (Some(1), &"nothing_pending".into())
    );

    for (seed, waiting) in [(1, vec![1]), (2, vec![1, 2])] {
        let asked = format!("forget run --random 5 --seed {seed}");
        let answer: Value = json(here, &asked);
        assert!(answer["release"].is_null());
        assert_eq!(pending(here), waiting);
    }
    let told = String::from_utf8(run(here, "status run").stdout).unwrap();
    assert!(told.contains("Pending: request 1, 2."), "{told}");

    // What is refused leaves them waiting, and makes nothing.
    let (code, said) = failure_of(here, "release run --epsilon 1");
    assert!(code == 3 && said.contains("149.2"), "{said}");
    let (code, said) = failure_of(here, &format!("{release} --budget 1"));
    assert!(code == 3 && said.contains("budget"), "{said}");
    assert_eq!(pending(here), [1, 2]);
    assert!(!here.join("run/releases/000002").exists());

    let released: Value = json(here, release);
    assert_eq!(
        (&released["covers"], &released["number"]),
        (&serde_json::json!([1, 2]), &2.into())
    );
    assert_eq!(
        (&released["sigma"], &released["kind"]),
        (&40.0.into(), &"proved".into())
    );
    let certificate = format!("{}/certificate.json", released["folder"].as_str().unwrap());
    let verdict: Value = json(here, &format!("verify {certificate} --run run"));
    assert_eq!(verdict["verdict"], "holds");
    // One release of sensitivity 40 and sigma 40, which both requests count.
    let one: Value = json(here, "calibrate --sensitivity 40 --sigma 40 --delta 1e-5");
    let today = requests(here);
    assert_eq!(today.len(), 2, "a release is no request");
    for request in &today {
        assert_eq!(request["releases"], 1);
        assert!((number(&request["epsilon"]) / number(&one["epsilon"]) - 1.0).abs() < 1e-9);
    }
    assert!(pending(here).is_empty());
    assert_eq!(status(here, release), 1, "nothing is left to release");

    let _: Value = json(here, "forget run --random 5 --seed 3");
    let told = String::from_utf8(run(here, release).stdout).unwrap();
    for part in ["Covers request 3.", "Released in run/releases/000003"] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
    let counts: Vec<Value> = requests(here)
        .iter()
        .map(|r| r["releases"].clone())
        .collect();
    assert_eq!(counts, [2, 2, 1]);
}

#[test]
fn noise_from_a_known_seed_is_called_void() {
    let here = folder();
    let here = here.path();
    trained(here, "");
    let _: Value = json(
        here,
        "forget run --random 5 --sigma 40 --insecure-noise-seed 7",
    );
    let request = &requests(here)[0];
    assert_eq!(request["insecure_noise"], true);
    let text = fs::read_to_string(here.join("run/releases/000001/certificate.txt")).unwrap();
    assert!(text.contains("fixed seed"), "{text}");
}

#[test]
fn the_spectrum_is_measured_and_its_estimate_is_called_one() {
    let here = folder();
    let here = here.path();
    trained(here, "--activation silu --hidden 8");
    let measured: Value = json(here, "spectrum run --hessian-lipschitz --steps 60");
    let (least, bound) = (
        number(&measured["extremes"]["theta_min"]),
        number(&measured["suggestion"]["lambda_min_lower"]),
    );
    assert!(bound < least && number(&measured["suggestion"]["damping"]) > -bound);
    assert!(number(&measured["hessian_lipschitz"]["value"]) > 0.0);
    assert!(measured["hessian_lipschitz"]["update"].is_null());
    assert_eq!(measured["rough_parts"], serde_json::json!([]));
    assert_eq!(
        status(here, "spectrum run --steps 2"),
        1,
        "too few steps for a bound"
    );
    let text =
        String::from_utf8(run(here, "spectrum run --curvature gauss-newton").stdout).unwrap();
    assert!(
        text.contains("Gauss-Newton matrix over 1440 records"),
        "{text}"
    );

    let asked = "--random 5 --sigma 1 --hessian-lipschitz";
    let _: Value = json(here, &format!("forget run {asked} estimate --damping 50"));
    // It does not bind, so that only the run hears of what was measured for it.
    let evidence = fs::read(here.join("run/private/evidence/000001.json")).unwrap();
    let evidence: Value = serde_json::from_slice(&evidence).unwrap();
    let bounds = evidence["bounds"].as_array().unwrap();
    let step = bounds
        .iter()
        .find(|bound| bound["theorem"] == "newton_step")
        .unwrap();
    let constants = step["constants"].as_array().unwrap();
    let lipschitz = constants.iter().find(|c| c["symbol"] == "M").unwrap();
    assert_eq!(lipschitz["provenance"]["kind"], "estimated", "{lipschitz}");
    // How it came about is told by settings, as a certificate may quote it.
    let how = lipschitz["how"].as_str().unwrap();
    assert!(how.ends_with("random directions and the step"), "{how}");

    // Where the model is convex the theorem of the step can bind, and then so does what it assumes.
    let _: Value = json(
        here,
        "train --model logistic --penalty 0.1 --epochs 5 --out convex",
    );
    let assumed: Value = json(here, &format!("forget convex {asked} 0"));
    assert_eq!(assumed["release"]["kind"], "assumed");
}

#[test]
fn a_model_trained_elsewhere_is_imported() {
    let here = folder();
    let here = here.path();
    trained(here, "--hidden 16");
    let states = here.join("run/private/state");
    let newest = fs::read_dir(states)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max()
        .unwrap();
    let weights = newest.join("weights.safetensors");
    let import = format!("import {} --epochs 5 --hidden", weights.display());
    let imported: Value = json(here, &format!("{import} 16 --out taken"));
    assert_eq!(
        (&imported["records"], &imported["parameters"]),
        (&1440.into(), &1210.into())
    );
    let accuracy = |run: &str| -> Value {
        let evaluation: Value = json(here, &format!("evaluate {run}"));
        evaluation["current"]["test"].clone()
    };
    assert_eq!(accuracy("taken"), accuracy("run"));
    let answer: Value = json(here, "forget taken --random 20");
    assert_eq!(answer["retained"], 1420);

    let (code, said) = failure_of(here, &format!("{import} 17 --out other"));
    assert!(
        code == 1 && said.contains("16") && said.contains("17"),
        "{said}"
    );
    let (code, said) = failure_of(here, &format!("{import} 16 --radius 1 --out small"));
    assert!(code == 1 && said.contains("radius"), "{said}");
}

#[test]
fn a_download_that_is_not_what_was_published_is_refused() {
    use std::io::{BufRead, BufReader, Write};
    /// Bytes of the first file: all is right but what they are.
    const SIZE: usize = 9_912_422;
    let here = folder();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let _ = lines.map_while(Result::ok).find(|line| line.is_empty());
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&vec![0; SIZE]);
        }
    });
    let (code, said) = failure_of(
        here.path(),
        &format!("fetch mnist --base-url {address} --out got"),
    );
    assert!(
        code == 1 && said.contains("train-images-idx3-ubyte.gz") && said.contains("SHA-256"),
        "{said}"
    );
    assert!(!here.path().join("got/train-images-idx3-ubyte.gz").exists());
}
