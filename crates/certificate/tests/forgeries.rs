//! Certificates that somebody signs and whose facts cannot be: whoever signed, they do not hold.

mod common;

use common::{
    assumed, certificate, check, derived, diameter, network, proved, rederived, settings,
};
use rescind_certificate::verify::Verdict;
use rescind_certificate::{Certificate, Declaration, Declared, InputScaling};
use rescind_data::Digest;
use rescind_privacy::sensitivity::{Constant, Provenance, SensitivityBound, Symbol, Theorem};
use rescind_privacy::{NoiseChoice, NoiseScale};
use serde_json::json;

fn holds(certificate: &Certificate) {
    let report = check(certificate);
    assert_eq!(report.verdict(), Verdict::Holds, "{report}");
}

/// It does not hold, for a reason that names this field and no other.
fn refused(what: &str, certificate: &Certificate, field: &str) {
    let report = check(certificate);
    assert_eq!(report.verdict(), Verdict::DoesNotHold, "{what}: {report}");
    let all: Vec<&str> = report
        .failures()
        .map(|check| check.field.as_str())
        .collect();
    assert!(
        all.iter().all(|found| found.starts_with(field)),
        "{what}: {report}"
    );
}

fn declared(what: Declared) -> Vec<Declaration> {
    let by = Some("A. Smith".to_owned());
    vec![Declaration { what, by }]
}

/// A head on a backbone that somebody declares public.
fn head() -> Certificate {
    let mut head = certificate();
    head.model.kind = "head".to_owned();
    head.model.linearised = false;
    head.model.ball.seed = None;
    head.declarations = declared(Declared::PublicCentre);
    rederived(head)
}

fn sigma(sigma: f64) -> NoiseChoice {
    let delta = 1e-5;
    NoiseChoice::Sigma { sigma, delta }
}

fn strongly_convex(gradient: f64, penalty: f64) -> SensitivityBound {
    let constants = vec![
        proved(Symbol::GradientNorm, gradient),
        proved(Symbol::GradientBound, gradient),
        proved(Symbol::Penalty, penalty),
    ];
    SensitivityBound::new(Theorem::StronglyConvex, constants).unwrap()
}

#[test]
fn a_convex_model_has_a_centre_that_somebody_answers_for() {
    holds(&head());
    let mut seeded = head();
    seeded.declarations.clear();
    seeded.model.ball.seed = Some(42);
    holds(&rederived(seeded));
    let mut origin = head();
    origin.declarations.clear();
    origin.model.ball.centre = None;
    origin.model.ball.largest_centre = 0.0;
    refused("no backbone", &rederived(origin), "/model/ball/centre");
    for (kind, linearised) in [("tangent", false), ("head", true), ("network", true)] {
        let mut other = head();
        other.model.kind = kind.to_owned();
        other.model.linearised = linearised;
        let report = check(&other);
        assert!(!report.holds(), "{kind} {linearised}: {report}");
    }
    let mut scaled = head();
    scaled.data.input_scaling = InputScaling::FromRetained;
    refused(
        "features that move",
        &rederived(scaled),
        "/data/input_scaling",
    );
}

#[test]
fn batch_norm_leaves_a_convex_model_without_its_theorem() {
    let mut head = head();
    head.model.statistics = 4;
    head.model.batch_norm = rescind_certificate::BatchNorm::RecomputedAfterNoise;
    refused("batch norm", &rederived(head), "/model/statistics");
}

#[test]
fn the_radius_of_a_convex_model_is_one_that_its_penalty_proves() {
    let mut small = certificate();
    small.model.ball.radius = 1e-3;
    let bounds = vec![strongly_convex(1e-7, 1e-3), diameter(1e-3)];
    refused("radius", &derived(small, bounds), "/model/ball/radius");
}

#[test]
fn a_model_of_an_unknown_kind_is_an_outside_one_that_somebody_answers_for() {
    holds(&network());
    let mut outside = network();
    outside.model.kind = "poisson-regression".to_owned();
    refused("nobody declares", &outside, "/declarations");
    outside.declarations = declared(Declared::OutsideModel);
    holds(&rederived(outside));
}

/// Full-batch descent of 12 epochs on all 1440 records, rewound to epoch 5.
fn rewound(change: impl Fn(&mut Vec<f64>)) -> Certificate {
    let mut rewound = network();
    rewound.method.name = "rewind".to_owned();
    rewound.method.settings = settings(json!({"gradient_lipschitz": 2.0, "record_gradient": 3.0}));
    let mut values = vec![0.02, 0.01, 12.0, 7.0, 1440.0, 60.0, 2.0, 3.0, 1e-4];
    change(&mut values);
    let symbols = Theorem::RewindToDelete.symbols().iter().zip(values);
    let constants = symbols.map(|(symbol, value)| match symbol {
        Symbol::GradientLipschitz | Symbol::RecordGradient | Symbol::StepRounding => {
            assumed(*symbol, value)
        }
        _ => proved(*symbol, value),
    });
    let theorem = SensitivityBound::new(Theorem::RewindToDelete, constants.collect());
    rewound.noise.choice = sigma(1.0);
    derived(rewound, vec![theorem.unwrap(), diameter(70.0)])
}

#[test]
fn the_counts_of_a_rewinding_are_those_that_the_certificate_states() {
    holds(&rewound(|_| {}));
    for (what, position, value) in [
        ("no learning rate", 0, 0.0),
        ("no steps after the checkpoint", 3, 0.0),
        ("no steps before the checkpoint", 3, 12.0),
        ("more records", 4, 1e9),
        ("fewer records removed", 5, 0.0),
        ("other records removed", 5, 59.0),
        ("no rounding", 8, 0.0),
        ("less rounding than binary32 has", 8, 1e-6),
    ] {
        let forged = rewound(|values| values[position] = value);
        refused(what, &forged, "/bounds");
    }
    // More trained on and more removed than the manifest and the requests allow.
    let both = |values: &mut Vec<f64>| (values[4], values[5]) = (1e9, 1e9 - 1380.0);
    refused("both", &rewound(both), "/bounds");
    // A record's loss would be another function without the records that went.
    let mut scaled = rewound(|_| {});
    scaled.data.input_scaling = InputScaling::FromRetained;
    refused("scaling", &rederived(scaled), "/bounds");
}

#[test]
fn a_gradient_below_its_own_rounding_is_reached_by_nobody() {
    for gradient in [1e-17, 0.0, 9e-11] {
        let mut forged = certificate();
        forged.method.settings["gradient_bound"] = json!(gradient);
        let bounds = vec![strongly_convex(gradient, 1e-3), diameter(70.0)];
        // With noise that hides the diameter, so that nothing but the constant is wrong.
        forged.noise.choice = sigma(1.0);
        refused(
            "gradient",
            &derived(forged, bounds),
            "/bounds/0/constants/1",
        );
    }
}

#[test]
fn noise_that_arithmetic_rounds_away_hides_nothing() {
    let mut least = network();
    least.noise.choice = sigma(2e-11);
    let least = rederived(least);
    holds(&least);
    let mut less = least;
    less.noise.choice = sigma(1e-11);
    less.noise.sigma = NoiseScale::new(1e-11).unwrap();
    let report = check(&less);
    assert!(!report.holds(), "{report}");
    assert!(
        report.to_string().contains("round the noise away"),
        "{report}"
    );
}

#[test]
fn requests_are_numbered_one_by_one_and_each_has_a_commitment_of_its_own() {
    let more = || {
        let mut more = certificate();
        let mut next = more.requests[0].clone();
        (next.number, next.commitment) = (3, Digest::from([5; 32]));
        more.requests.push(next);
        more.release = 3;
        more.data.retained -= 50;
        more.ledger.entries += 1;
        rederived(more)
    };
    holds(&more());
    let forged = |change: &dyn Fn(&mut Certificate)| {
        let mut forged = more();
        change(&mut forged);
        rederived(forged)
    };
    let twice = forged(&|c| c.requests[1].commitment = c.requests[0].commitment);
    refused("the same records twice", &twice, "/requests/1/commitment");
    let gap = forged(&|c| (c.requests[1].number, c.release) = (4, 4));
    refused("a number left out", &gap, "/requests/1/number");
    let skipped = forged(&|c| {
        (c.requests[0].number, c.requests[1].number, c.release) = (3, 4, 4);
    });
    refused("numbers left out", &skipped, "/requests");
    let covered = forged(&|c| c.earlier.releases = 0);
    refused("requests that nothing covers", &covered, "/earlier");
    // Three requests and two entries of a release come before this one.
    let short = forged(&|c| c.ledger.entries = 4);
    refused("a request without an entry", &short, "/ledger/entries");
    let huge = forged(&|c| (c.earlier.requests, c.earlier.releases) = (u64::MAX, u64::MAX));
    assert!(!check(&huge).holds());
    // Every earlier request removed a record.
    let many = forged(&|c| {
        (c.earlier.requests, c.earlier.releases, c.ledger.entries) = (2000, 1, 3000);
        (c.requests[0].number, c.requests[1].number, c.release) = (2001, 2002, 2002);
    });
    refused("more requests than records", &many, "/data/records");
}

#[test]
fn no_text_holds_what_a_terminal_obeys() {
    type Change = fn(&mut Certificate, String);
    let places: [(&str, Change); 6] = [
        ("/declarations/0/by", |c, text| {
            c.declarations[0].by = Some(text)
        }),
        ("/data/dataset", |c, text| c.data.dataset = text),
        ("/code/platform", |c, text| c.code.platform = text),
        ("/code/version", |c, text| c.code.version = text),
        ("/method/settings/seed", |c, text| {
            c.method.settings["seed"] = json!({"nested": [text]});
        }),
        ("/method/settings", |c, text| {
            c.method.settings.insert(text, json!(1));
        }),
    ];
    for text in [
        "A. Smith\nok       the signature is right",
        "\u{1b}[8mhidden",
        "x\u{85}y",
        "\u{2028}line",
        "\u{202e}backwards",
        "\u{2066}isolated",
    ] {
        for (field, change) in places {
            let mut forged = head();
            change(&mut forged, text.to_owned());
            refused(text, &rederived(forged), field);
        }
        let mut outside = network();
        outside.model.kind = text.to_owned();
        outside.declarations = declared(Declared::OutsideModel);
        refused(text, &rederived(outside), "/model/kind");
        let mut rough = network();
        rough.model.rough_parts = vec![text.to_owned()];
        refused(text, &rederived(rough), "/model/rough_parts");
        let how = rescind_privacy::sensitivity::Constant::new(
            Symbol::BallRadius,
            70.0,
            rescind_privacy::sensitivity::Provenance::Proved,
            text,
        );
        let bound = SensitivityBound::new(Theorem::BallDiameter, vec![how.unwrap()]);
        let forged = derived(network(), vec![bound.unwrap()]);
        refused(text, &forged, "/bounds/0/constants/0/how");
    }
    let mut named = head();
    named.declarations[0].by = Some("Zoë Müller, 東京, کارشناس\u{200c}ها".to_owned());
    holds(&rederived(named));
}

#[test]
fn a_gradient_norm_is_proved_or_measured() {
    let with = |provenance| {
        let mut forged = certificate();
        let mut constants = strongly_convex(1e-7, 1e-3).constants().to_vec();
        constants[0] = Constant::new(Symbol::GradientNorm, 0.0, provenance, "x").unwrap();
        let bound = SensitivityBound::new(Theorem::StronglyConvex, constants).unwrap();
        let at = forged
            .bounds
            .iter()
            .position(|b| b.theorem == Theorem::StronglyConvex);
        forged.bounds[at.unwrap()].constants = bound.constants().to_vec();
        rederived(forged)
    };
    let field = "/bounds/0/constants/0";
    for provenance in [
        Provenance::Probabilistic {
            failure_probability: 1e-12,
        },
        Provenance::Estimated,
        Provenance::Assumed,
    ] {
        refused("gradient norm", &with(provenance), field);
    }
    assert!(check(&with(Provenance::Measured)).holds());
}

#[test]
fn a_setting_that_no_method_has_is_refused() {
    let newton = || {
        let mut newton = network();
        newton.method.settings = settings(json!({
            "curvature": "gauss-newton",
            "right_hand_side": "forget-influence",
            "damping": {"kind": "sampling", "scale": 0.02},
            "solver": {
                "kind": "cg",
                "stopping": {"relative_tolerance": 0.1, "max_products": 100}
            },
            "preconditioning": {"kind": "nystrom", "rank": 32, "records": null},
            "subsample": null,
            "curvature_records": 1380,
            "constants": {
                "hessian_lipschitz": null,
                "gradient_bound": null,
                "lanczos_steps": 30,
                "failure_probability": 1e-6
            },
            "check": false,
            "seed": 0
        }));
        newton
    };
    holds(&newton());
    for (pointer, value) in [
        ("/note", json!("all of it was deleted")),
        ("/curvature", json!("none that anybody knows")),
        ("/seed", json!("1234, as the court ordered")),
        ("/check", json!(0)),
        ("/subsample", json!({"kind": "given"})),
        ("/damping/note", json!(1)),
        ("/damping/kind", json!("by_hand")),
        ("/solver", json!("cg")),
        ("/solver/stopping/why", json!("enough")),
        ("/solver/stopping/max_products", json!([100])),
        ("/solver/stopping", json!(null)),
        ("/solver", json!(null)),
        ("/preconditioning", json!(null)),
        ("/constants", json!(null)),
        ("/constants/hessian_lipschitz_by", json!("us")),
        ("/seed", json!(-1)),
        ("/subsample", json!(0.5)),
        ("/solver/stopping/max_products", json!(-1e300)),
        ("/solver/stopping/relative_tolerance", json!(-0.1)),
        ("/constants/failure_probability", json!(1.0)),
        ("/constants/failure_probability", json!(null)),
        ("/constants/gradient_bound", json!(-1e-9)),
    ] {
        let mut forged = newton();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut all = serde_json::Value::Object(forged.method.settings);
        all.pointer_mut(parent).unwrap()[name] = value;
        forged.method.settings = settings(all);
        let named = match pointer {
            "/damping/kind" | "/damping/note" => "/damping",
            _ => pointer,
        };
        refused(pointer, &forged, &format!("/method/settings{named}"));
    }
    // Nor has one method those of another.
    let mut descent = certificate();
    let all = &mut descent.method.settings;
    all.insert("recovery_epochs".to_owned(), json!(3));
    refused("descent", &descent, "/method/settings/recovery_epochs");
}

/// A reference run that stops elsewhere, an eigenvalue that fails less often than the method says.
#[test]
fn a_newton_bound_uses_the_settings_that_the_method_used() {
    let with = |gradient: f64, least: Provenance, given: serde_json::Value| {
        let mut newton = network();
        newton.method.settings = settings(json!({
            "damping": 0.001,
            "constants": {
                "hessian_lipschitz": {"kind": "assumed", "value": 0.1},
                "gradient_bound": given,
                "failure_probability": 1e-6,
            },
        }));
        let constants = vec![
            proved(Symbol::Distance, 140.0),
            assumed(Symbol::HessianLipschitz, 0.1),
            proved(Symbol::Damping, 0.001),
            assumed(Symbol::GradientBound, gradient),
            Constant::new(Symbol::Residual, 4e-4, Provenance::Measured, "x").unwrap(),
            Constant::new(Symbol::LeastEigenvalue, 100.0, least, "x").unwrap(),
        ];
        let step = SensitivityBound::new(Theorem::NewtonStep, constants).unwrap();
        derived(newton, vec![step, diameter(70.0)])
    };
    let failing = |failure_probability| Provenance::Probabilistic {
        failure_probability,
    };
    holds(&with(0.2, failing(1e-6), json!(0.2)));
    holds(&with(0.2, failing(1e-6), json!(null)));
    let stops = with(0.1, failing(1e-6), json!(0.2));
    refused("it stops elsewhere", &stops, "/bounds/0/constants/3/value");
    let fails = with(0.2, failing(1e-9), json!(0.2));
    refused("it fails less", &fails, "/bounds/0/constants/5/value");
    // Nor is M or the damping another than the one given, on whatever ground.
    for (at, symbol, provenance) in [
        (1, Symbol::HessianLipschitz, Provenance::Estimated),
        (2, Symbol::Damping, Provenance::Measured),
    ] {
        let mut other = with(0.2, failing(1e-6), json!(0.2));
        let constants = &mut other.bounds[0].constants;
        constants[at] = Constant::new(symbol, 0.05, provenance, "x").unwrap();
        let field = format!("/bounds/0/constants/{at}/value");
        let report = check(&rederived(other));
        assert!(
            report.failures().any(|failed| failed.field == field),
            "{report}"
        );
    }
    let never = with(0.2, Provenance::Measured, json!(0.2));
    refused("it never fails", &never, "/bounds/0/constants/5/provenance");
}

/// Only a head has parameters without noise: its backbone.
#[test]
fn no_other_model_leaves_parameters_without_noise() {
    let mut of_head = head();
    of_head.model.frozen = 4000;
    holds(&rederived(of_head));
    let mut all = head();
    all.model.frozen = all.model.parameters;
    refused("nothing is noised", &rederived(all), "/model/frozen");
    let mut tangent = certificate();
    tangent.model.frozen = 1;
    refused("a tangent model", &rederived(tangent), "/model/frozen");
    let mut outside = network();
    outside.model.kind = "torch".to_owned();
    outside.model.frozen = 1;
    outside.declarations = declared(Declared::OutsideModel);
    let report = check(&rederived(outside));
    let named = report
        .failures()
        .any(|check| check.field == "/model/frozen");
    assert!(named, "{report}");
}

/// Counts that no sum of them can hold are no counts of one run.
#[test]
fn records_that_cannot_be_counted_are_refused() {
    let mut many = certificate();
    many.data.records = u64::MAX;
    many.data.retained = u64::MAX;
    many.data.validation = u64::MAX;
    refused("too many", &rederived(many), "/data/records");
}

/// A signed document has no room for texts of somebody's own making but names and the signer's words.
#[test]
fn texts_that_name_nothing_or_too_much_are_refused() {
    let long = "a".repeat(201);
    type Put = fn(&mut Certificate, &str);
    let code: [(&str, Put); 4] = [
        ("/code/package", |c, text| c.code.package = text.to_owned()),
        ("/code/version", |c, text| c.code.version = text.to_owned()),
        ("/code/build", |c, text| c.code.build = text.to_owned()),
        ("/code/platform", |c, text| {
            c.code.platform = text.to_owned()
        }),
    ];
    let names: [(&str, Put); 2] = [
        ("/data/dataset", |c, text| c.data.dataset = text.to_owned()),
        ("/declarations/0/by", |c, text| {
            c.declarations[0].by = Some(text.to_owned());
        }),
    ];
    let mut outside = network();
    outside.model.kind = "torch".to_owned();
    outside.declarations = declared(Declared::OutsideModel);
    for (field, put) in code.into_iter().chain(names) {
        for text in ["", " ", "--", &long, "a\nb", "a  b"] {
            let mut edited = outside.clone();
            put(&mut edited, text);
            refused(text, &rederived(edited), field);
        }
    }
    for (field, put) in code {
        let mut edited = outside.clone();
        put(&mut edited, "rescind, audited by nobody");
        refused("a claim", &rederived(edited), field);
    }
    for text in [" ", "--", &long] {
        let mut edited = outside.clone();
        let how = Constant::new(Symbol::BallRadius, 70.0, Provenance::Proved, text);
        let Ok(how) = how else { continue };
        let bound = SensitivityBound::new(Theorem::BallDiameter, vec![how]).unwrap();
        edited.bounds.clear();
        let edited = derived(edited, vec![bound]);
        refused(text, &edited, "/bounds/0/constants/0/how");
    }
}

/// A network is trained afresh by the run's settings: no penalty makes it a convex model.
#[test]
fn a_network_that_is_trained_afresh_states_no_penalty() {
    let mut retrained = network();
    retrained.method.name = "retrain".to_owned();
    retrained.method.settings.clear();
    holds(&rederived(retrained.clone()));
    for setting in ["penalty", "gradient_bound", "max_products"] {
        retrained.method.settings = settings(json!({setting: 1}));
        let field = format!("/method/settings/{setting}");
        refused(setting, &rederived(retrained.clone()), &field);
    }
}
