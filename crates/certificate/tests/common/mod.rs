//! A certificate that holds, the same with other facts, and its file under a key of these tests.
#![allow(dead_code)] // each test uses a part

use ed25519_dalek::{Signer, SigningKey};
use rescind_certificate::verify::{VerificationReport, verify};
use rescind_certificate::{
    BallIdentity, BatchNorm, BoundChoice, Certificate, CodeIdentity, DataFacts, Day,
    EVIDENCE_FORMAT, Earlier, EvidenceRecord, FORMAT, FollowedBy, InputScaling, KeyIdentity,
    LedgerAnchor, Measurements, MethodFacts, ModelIdentity, NoiseRecord, ReleasedFile,
    RequestRecord, SolveFacts, assumptions, digest_of, fingerprint, largest_weight, terms,
};
use rescind_data::Digest;
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::{Grid, Origin, ReleaseFormat};
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use serde_json::json;

const WEIGHTS: &[u8] = b"what the weights' file would hold";
const MODEL: &[u8] = b"what model.json would hold";
const CENTRE: &[u8] = b"what the centre's file would hold";

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Of a tangent model: 1e-3 and 1e-7 for penalty and gradient.
pub fn certificate() -> Certificate {
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
    };
    let origin = Origin::OperatingSystem;
    let terms = terms(&choice, bounds, &[], &[], origin, BoundChoice::Public).unwrap();
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
            frozen: 0,
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
            entries: 6,
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

pub fn document() -> String {
    let files = [
        ("weights.safetensors", WEIGHTS),
        ("model.json", MODEL),
        ("centre.safetensors", CENTRE),
    ];
    let files = files.map(|(name, content)| ReleasedFile::new(name, content));
    let signed = certificate().signed(files.into(), |bytes| key().sign(bytes).to_bytes());
    signed.unwrap()
}

/// What was measured for its release.
pub fn evidence() -> EvidenceRecord {
    EvidenceRecord {
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
    }
}

/// Everything that follows from the other facts, as a forger would put it, with these bounds.
pub fn derived(mut certificate: Certificate, bounds: Vec<SensitivityBound>) -> Certificate {
    let noise = &certificate.noise;
    let terms = terms(
        &noise.choice,
        bounds,
        &certificate.model.rough_parts,
        &certificate.declarations,
        noise.origin,
        certificate.bound_choice(),
    );
    let terms = terms.unwrap();
    certificate.bounds = terms.published();
    certificate.guarantee = terms.guarantee;
    let largest = largest_weight(&certificate.model.ball);
    certificate.noise.sigma = terms.sigma;
    certificate.noise.largest = largest;
    certificate.noise.grid = Grid::new(terms.sigma, largest, ReleaseFormat::F32).unwrap();
    certificate.assumptions = assumptions(&certificate);
    certificate
}

/// The same bounds with other facts.
pub fn rederived(certificate: Certificate) -> Certificate {
    let bounds = certificate.bounds.iter();
    let again = bounds.map(|bound| SensitivityBound::new(bound.theorem, bound.constants.clone()));
    let again = again.map(Result::unwrap).collect();
    derived(certificate, again)
}

pub fn proved(symbol: Symbol, value: f64) -> Constant {
    Constant::new(symbol, value, Provenance::Proved, "a setting of the run").unwrap()
}

pub fn assumed(symbol: Symbol, value: f64) -> Constant {
    Constant::new(symbol, value, Provenance::Assumed, "given by the user").unwrap()
}

pub fn diameter(radius: f64) -> SensitivityBound {
    SensitivityBound::new(
        Theorem::BallDiameter,
        vec![proved(Symbol::BallRadius, radius)],
    )
    .unwrap()
}

/// Of a network in a ball around the origin, by a Newton step without a theorem.
pub fn network() -> Certificate {
    let mut certificate = certificate();
    certificate.model.kind = "network".to_owned();
    certificate.model.linearised = false;
    certificate.model.ball = BallIdentity {
        radius: 70.0,
        centre: None,
        seed: None,
        largest_centre: 0.0,
    };
    certificate.method = MethodFacts {
        name: "newton".to_owned(),
        settings: settings(json!({"damping": 0.001, "constants": {"hessian_lipschitz": null}})),
    };
    derived(certificate, vec![diameter(70.0)])
}

pub fn settings(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().unwrap().clone()
}

/// The file of a certificate, signed by [`key`].
pub fn file(certificate: &Certificate) -> String {
    let mut files = vec![
        ReleasedFile::new("weights.safetensors", WEIGHTS),
        ReleasedFile::new("model.json", MODEL),
    ];
    if certificate.model.linearised {
        files.push(ReleasedFile::new("centre.safetensors", CENTRE));
    }
    let signed = certificate.signed(files, |bytes| key().sign(bytes).to_bytes());
    signed.unwrap()
}

/// What whoever names the signer's key is told.
pub fn check(certificate: &Certificate) -> VerificationReport {
    verify(
        file(certificate).as_bytes(),
        Some(&certificate.key.fingerprint),
    )
}
