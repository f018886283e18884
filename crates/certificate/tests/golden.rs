//! Both documents, byte for byte, and a verifier that knows nothing of Rescind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use rescind_certificate::verify::{Verdict, verify};
use rescind_certificate::{
    BallIdentity, BatchNorm, Certificate, CodeIdentity, DataFacts, Day, EVIDENCE_FORMAT, Earlier,
    EvidenceRecord, FORMAT, FollowedBy, InputScaling, KeyIdentity, LedgerAnchor, Measurements,
    MethodFacts, ModelIdentity, NoiseRecord, ReleasedFile, RequestRecord, SolveFacts, assumptions,
    digest_of, fingerprint, largest_weight, open, signed_bytes, terms,
};
use rescind_data::Digest;
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::{Grid, Origin, ReleaseFormat};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

const WEIGHTS: &[u8] = b"what the weights' file would hold";
const MODEL: &[u8] = b"what model.json would hold";
const CENTRE: &[u8] = b"what the centre's file would hold";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Of a tangent model: 1e-3 and 1e-7 for penalty and gradient.
fn certificate() -> Certificate {
    let proved = |symbol, value| {
        Constant::new(symbol, value, Provenance::Proved, "a setting of the run").unwrap()
    };
    let bounds = vec![
        SensitivityBound::new(
            Theorem::StronglyConvex,
            vec![
                proved(Symbol::GradientNorm, 1e-7),
                proved(Symbol::GradientBound, 1e-7),
                proved(Symbol::Penalty, 1e-3),
            ],
        ),
        SensitivityBound::new(
            Theorem::BallDiameter,
            vec![proved(Symbol::BallRadius, 70.0)],
        ),
    ];
    let bounds = bounds.into_iter().map(Result::unwrap).collect();
    let choice = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
        accept_noise: false,
    };
    let origin = Origin::OperatingSystem;
    let terms = terms(&choice, bounds, &[], &[], origin).unwrap();
    let ball = BallIdentity {
        radius: 70.0,
        centre: Some(digest_of(CENTRE)),
        seed: Some(42),
        largest_centre: 0.5,
    };
    let largest = largest_weight(&ball);
    let public_key = Digest::from(key().verifying_key().to_bytes());
    let day = |time: &str| Day::of(time).unwrap();
    let settings =
        json!({"penalty": 1e-3, "gradient_bound": 1e-7, "max_products": 1000, "seed": 0});
    let mut certificate = Certificate {
        format: FORMAT.to_owned(),
        release: 2,
        bounds: terms.published(),
        noise: NoiseRecord {
            sigma: terms.sigma,
            times: 1,
            choice,
            origin,
            largest,
            format: ReleaseFormat::F32,
            grid: Grid::new(terms.sigma, largest, ReleaseFormat::F32).unwrap(),
            followed_by: FollowedBy::Nothing,
        },
        guarantee: terms.guarantee,
        requests: vec![RequestRecord {
            number: 2,
            requested_on: day("2026-03-01T12:00:00Z"),
            records: 50,
            commitment: Digest::from([2; 32]),
        }],
        earlier: Earlier {
            requests: 1,
            releases: 1,
        },
        declarations: Vec::new(),
        model: ModelIdentity {
            weights: digest_of(WEIGHTS),
            kind: "tangent".to_owned(),
            description: digest_of(MODEL),
            configuration: Some(digest_of(b"run.json")),
            parameters: 4810,
            linearised: true,
            statistics: 0,
            batch_norm: BatchNorm::None,
            rough_parts: Vec::new(),
            ball,
        },
        data: DataFacts {
            dataset: "digits".to_owned(),
            manifest: Digest::from([3; 32]),
            records: 1440,
            retained: 1380,
            validation: 0,
            input_scaling: InputScaling::Constants,
        },
        method: MethodFacts {
            name: "descent".to_owned(),
            settings: settings.as_object().unwrap().clone(),
        },
        assumptions: Vec::new(),
        code: CodeIdentity {
            package: "rescind".to_owned(),
            version: "0.1.0".to_owned(),
            build: "optimised".to_owned(),
            platform: "x86_64-linux".to_owned(),
            program: None,
        },
        released_on: day("2026-03-02T08:30:00Z"),
        ledger: LedgerAnchor {
            entries: 3,
            head: Digest::from([4; 32]),
        },
        key: KeyIdentity {
            algorithm: "ed25519".to_owned(),
            fingerprint: fingerprint(&public_key),
            public_key,
        },
    };
    certificate.assumptions = assumptions(&certificate);
    certificate
}

fn document() -> String {
    let files = [
        ("weights.safetensors", WEIGHTS),
        ("model.json", MODEL),
        ("centre.safetensors", CENTRE),
    ];
    let files = files.map(|(name, content)| ReleasedFile::new(name, content));
    let signed = certificate().signed(files.into(), |bytes| key().sign(bytes).to_bytes());
    signed.unwrap()
}

fn evidence() -> String {
    let evidence = EvidenceRecord {
        format: EVIDENCE_FORMAT.to_owned(),
        release: 2,
        certificate: digest_of(document().as_bytes()),
        released_at: "2026-03-02T08:30:00Z".to_owned(),
        bounds: certificate().bounds,
        clamped: 0,
        measured: Measurements {
            training_finished: true,
            seconds: 0.25,
            gradient_norm_before: None,
            gradient_norm_after: Some(9.5e-8),
            solve: Some(SolveFacts {
                solver: "cg".to_owned(),
                ending: "converged".to_owned(),
                products: 60,
                residual: Some(0.0003),
                right_hand_side: 0.002,
                theorem_residual: None,
            }),
            details: json!({"rounds": 3}),
        },
    };
    evidence.to_json().unwrap()
}

/// With `UPDATE_GOLDEN=1` the files are written anew, which breaks whatever reads the format.
#[test]
fn both_documents_are_written_byte_for_byte_as_they_were() {
    for (name, written) in [("certificate", document()), ("evidence", evidence())] {
        let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written, "{name}");
    }
    let read: EvidenceRecord = serde_json::from_str(&evidence()).unwrap();
    assert_eq!(read.to_json().unwrap(), evidence());
    assert_eq!(
        Certificate::read(document().as_bytes()).unwrap(),
        certificate()
    );
}

#[test]
fn the_golden_certificate_holds_for_whoever_names_its_key() {
    let known = certificate().key.fingerprint;
    for (named, verdict) in [
        (Some(known.as_str()), Verdict::Holds),
        (None, Verdict::Consistent),
        (Some("0000-0000"), Verdict::DoesNotHold),
    ] {
        let report = verify(document().as_bytes(), named);
        assert_eq!(report.verdict(), verdict, "{report}");
    }
}

/// The public key as openssl reads it (RFC 8410).
fn pem() -> String {
    let mut der = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    der.extend(key().verifying_key().to_bytes());
    let text = STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn openssl_verifies_the_envelope() {
    if let Err(error) = Command::new("openssl").arg("version").output() {
        eprintln!("skipped: openssl cannot be run ({error})");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let opened = open(document().as_bytes()).unwrap();
    let key = put("key.pem", pem().as_bytes());
    let signature = put("signature", &opened.signature);
    let verified = |message: &Path| {
        let mut openssl = Command::new("openssl");
        openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]);
        openssl.arg(&key).arg("-in").arg(message);
        let output = openssl.arg("-sigfile").arg(&signature).output().unwrap();
        output.status.success()
    };
    assert!(verified(&put("message", &signed_bytes(&opened.payload))));
    assert!(!verified(&put("payload", &opened.payload)));
    let mut edited = opened.payload.clone();
    edited[100] ^= 1;
    assert!(!verified(&put("edited", &signed_bytes(&edited))));
}
