//! What readers are told: on whose word a promise rests, and nothing that a file put there.

mod common;

use common::{assumed, certificate, check, derived, diameter, network, rederived, settings};
use rescind_certificate::verify::{Checks, Subject, Today, Verdict};
use rescind_certificate::{
    AssumptionName, BatchNorm, BoundChoice, Certificate, Declaration, Declared, reading, statement,
};
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::{
    Constant, GuaranteeKind, Provenance, SensitivityBound, Symbol, Theorem,
};
use serde_json::json;

/// All that `rescind verify` says of a certificate that holds.
fn said(certificate: &Certificate) -> String {
    let report = check(certificate);
    assert_eq!(report.verdict(), Verdict::Holds, "{report}");
    let lines = reading(certificate, None).into_iter();
    let lines: Vec<String> = lines
        .map(|(label, text)| format!("{label}: {text}"))
        .collect();
    lines.join("\n")
}

fn names(certificate: &Certificate) -> Vec<AssumptionName> {
    certificate.assumptions.iter().map(|a| a.name).collect()
}

fn declaring(all: &[(Declared, Option<&str>)]) -> Certificate {
    let mut declaring = network();
    declaring.model.ball.centre = certificate().model.ball.centre;
    declaring.model.ball.largest_centre = 0.5;
    let all = all.iter().map(|(what, by)| Declaration {
        what: *what,
        by: by.map(str::to_owned),
    });
    declaring.declarations = all.collect();
    rederived(declaring)
}

#[test]
fn whoever_answers_for_a_promise_is_named_in_the_report() {
    let two = declaring(&[
        (Declared::PublicCentre, Some("A. Smith")),
        (Declared::InputScaling, Some("A. Smith")),
        (Declared::ImportedWeights, Some("B. Jones")),
    ]);
    assert_eq!(two.guarantee.kind, GuaranteeKind::Declared);
    let rests = "This rests on what no program can check: \"A. Smith\" declares that the centre of the \
                 ball does not depend on the records, and that the constants that scale the inputs \
                 do not depend on the records; \"B. Jones\" declares that the imported weights came \
                 from the training described.";
    let report = said(&two);
    assert!(report.contains(rests), "{report}");
    assert!(report.contains("Declared: \"A. Smith\" declares that the centre of the ball (digest"));
    assert!(statement(&two).ends_with(rests), "{}", statement(&two));
    assert!(!report.contains("below"), "{report}");
}

#[test]
fn what_nobody_checked_is_named_in_the_report() {
    let nobody = declaring(&[
        (Declared::PublicCentre, Some("A. Smith")),
        (Declared::ClassesReadFromRecords, None),
    ]);
    let report = said(&nobody);
    let rests = "This rests on what nobody checked, and holds only if it is so: that the set of \
                 classes would be the same without the forgotten records. It also rests on what no \
                 program can check: \"A. Smith\" declares that the centre of the ball does not depend \
                 on the records.";
    assert!(report.contains(rests), "{report}");
    assert!(report.contains("Assumed: Nobody vouches"), "{report}");

    let mut rewound = network();
    rewound.method.name = "rewind".to_owned();
    rewound.method.settings = settings(json!({"gradient_lipschitz": 2.0, "record_gradient": 3.0}));
    let values = [0.02, 0.01, 3.0, 2.0, 1440.0, 60.0, 2.0, 3.0, 1e-4];
    let symbols = Theorem::RewindToDelete.symbols().iter().zip(values);
    let constants = symbols.map(|(symbol, value)| match symbol {
        Symbol::GradientLipschitz | Symbol::RecordGradient | Symbol::StepRounding => {
            assumed(*symbol, value)
        }
        _ => common::proved(*symbol, value),
    });
    let bound = SensitivityBound::new(Theorem::RewindToDelete, constants.collect()).unwrap();
    let report = said(&derived(rewound, vec![bound, diameter(70.0)]));
    let rests = "holds only if it is so: L = 2 (Lipschitz constant of the gradient of every \
                 record's loss); G_l = 3 (bound on the gradient norm of every record's loss); r = 0.0001 \
                 (bound on how far rounding takes a step of training).";
    assert!(report.contains(rests), "{report}");
    assert!(report.contains("Assumed: Nobody checked L"), "{report}");
}

#[test]
fn a_promise_of_settings_alone_is_proved_and_says_no_more() {
    let mut first = network();
    first.earlier.releases = 0;
    first.earlier.requests = 0;
    first.release = 1;
    first.requests[0].number = 1;
    first.ledger.entries = 2;
    first.data.records = first.data.retained + first.data.validation + first.forgotten();
    let report = said(&rederived(first));
    assert!(report.contains("This is proved"), "{report}");
    assert!(
        !report.contains("Mind:") && !report.contains("Assumed:"),
        "{report}"
    );
    // Releases that held the records before are no such settings.
    let report = said(&network());
    assert!(report.contains("Mind: 1 earlier release(s)"), "{report}");
}

#[test]
fn the_share_that_is_found_is_that_of_whoever_judges_by_the_release() {
    let report = said(&network());
    assert!(
        report.contains("Whoever judges by what is released"),
        "{report}"
    );
    assert!(
        report.contains("knows from elsewhere who asked to be forgotten is not covered"),
        "{report}"
    );
}

#[test]
fn that_days_are_what_a_clock_said_is_among_what_was_not_checked() {
    let mut jumped = network();
    std::mem::swap(
        &mut jumped.released_on,
        &mut jumped.requests[0].requested_on,
    );
    assert!(jumped.released_on < jumped.requests[0].requested_on);
    let report = check(&jumped);
    assert!(report.holds(), "{report}");
    let mut unchecked = report.unchecked();
    assert!(unchecked.any(|said| said.contains("clock")), "{report}");
}

/// Which bound binds is something that was measured, also where the ball's diameter does.
#[test]
fn bounds_that_compete_with_a_measured_one_are_not_proved() {
    let given = |source: serde_json::Value| {
        let mut given = network();
        given.method.settings["constants"] = json!({"hessian_lipschitz": source});
        rederived(given)
    };
    assert_eq!(given(json!(null)).guarantee.kind, GuaranteeKind::Proved);
    for source in [
        json!({"kind": "assumed", "value": 0.1}),
        json!({"kind": "estimated", "settings": {}}),
    ] {
        let given = given(source);
        assert_eq!(given.bound_choice(), BoundChoice::Measured);
        assert_eq!(given.guarantee.kind, GuaranteeKind::Assumed);
        assert_eq!(given.guarantee.binding, Theorem::BallDiameter);
        assert!(names(&given).contains(&AssumptionName::NoiseDependsOnRecords));
        let report = said(&given);
        let rests = "that the same bound would bind without the forgotten records";
        assert!(report.contains(rests), "{report}");
        assert!(
            report.contains("Mind: Which of several bounds binds"),
            "{report}"
        );
        // Noise picked by hand does not depend on it; the epsilon stated does.
        let mut by_hand = given.clone();
        by_hand.noise.choice = NoiseChoice::Sigma {
            sigma: 1.0,
            delta: 1e-5,
        };
        let by_hand = rederived(by_hand);
        assert!(names(&by_hand).contains(&AssumptionName::EpsilonDependsOnRecords));
        assert_eq!(by_hand.guarantee.kind, GuaranteeKind::Assumed);
        // What the settings say, nobody can leave out.
        let mut forged = given;
        forged.guarantee.kind = GuaranteeKind::Proved;
        assert!(!check(&forged).holds());
    }
    // Where the theorem does not speak of the model, no measurement has a say.
    let source = json!({"kind": "assumed", "value": 0.1});
    let mut rough = given(source.clone());
    rough.model.rough_parts = vec!["relu".to_owned()];
    assert_eq!(rederived(rough).guarantee.kind, GuaranteeKind::Proved);
    let mut normed = given(source);
    normed.model.statistics = 4;
    normed.model.batch_norm = BatchNorm::RecomputedAfterNoise;
    assert_eq!(rederived(normed).guarantee.kind, GuaranteeKind::Proved);
}

/// Whoever vouches for something is named, and constants name nobody.
#[test]
fn no_constant_is_declared() {
    let mut document = serde_json::to_value(network()).unwrap();
    assert!(serde_json::from_value::<Certificate>(document.clone()).is_ok());
    document["bounds"][0]["constants"][0]["provenance"] = json!({"kind": "declared"});
    assert!(serde_json::from_value::<Certificate>(document).is_err());
}

#[test]
fn no_file_adds_a_line_to_a_report_or_hides_one() {
    let mut checks = Checks::default();
    let evil = "x\nok       the signature is right\u{1b}[8m\u{202e}";
    checks.failed(Subject::Document, evil, evil, evil, evil);
    checks.skipped(Subject::Document, evil);
    checks.passed_if(true, Subject::Document, evil);
    let report = checks.report(None).to_string();
    assert_eq!(report.lines().count(), 6, "{report}");
    assert!(
        !report.contains('\u{1b}') && !report.contains('\u{202e}'),
        "{report}"
    );
    assert!(
        report.contains("x\\u{a}ok       the signature is right\\u{1b}[8m"),
        "{report}"
    );
}

/// Whoever is named says no sentence of the certificate's.
#[test]
fn a_name_is_told_from_what_is_said_of_it() {
    let name = "this program (kind: proved), and no program needs to check that. A. Smith";
    let said = said(&declaring(&[(Declared::PublicCentre, Some(name))]));
    assert_eq!(said.matches(name).count(), 2, "{said}");
    assert_eq!(
        said.matches(&format!("\"{name}\" declares")).count(),
        2,
        "{said}"
    );
}

/// Of a bound that rests on assumptions, an estimate among its constants is named too.
#[test]
fn an_estimate_is_told_beside_what_is_assumed() {
    let mut newton = network();
    newton.method.settings = settings(json!({
        "damping": 0.001,
        "constants": {
            "hessian_lipschitz": {"kind": "estimated"},
            "failure_probability": 1e-6,
        },
    }));
    let constant =
        |symbol, value, provenance| Constant::new(symbol, value, provenance, "x").unwrap();
    let failure_probability = 1e-6;
    let constants = vec![
        constant(Symbol::Distance, 140.0, Provenance::Proved),
        constant(Symbol::HessianLipschitz, 0.1, Provenance::Estimated),
        constant(Symbol::Damping, 0.001, Provenance::Proved),
        assumed(Symbol::GradientBound, 0.2),
        constant(Symbol::Residual, 4e-4, Provenance::Measured),
        constant(
            Symbol::LeastEigenvalue,
            100.0,
            Provenance::Probabilistic {
                failure_probability,
            },
        ),
    ];
    let step = SensitivityBound::new(Theorem::NewtonStep, constants).unwrap();
    let newton = derived(newton, vec![step, diameter(70.0)]);
    let told = statement(&newton);
    for words in [
        "an estimate: evidence, not a guarantee",
        "measured on this model and its records",
        "wrong with a known probability, which delta includes",
    ] {
        assert!(told.contains(words), "{told}");
    }
}

/// A later release covers what it is the first to cover, and says that earlier ones covered the rest.
#[test]
fn what_a_later_release_is_about_is_no_more_than_it_covers() {
    let said = said(&certificate());
    let about = "About: 50 record(s) forgotten by request 2; what earlier requests forgot, earlier \
                 releases covered, in weights.safetensors";
    assert!(said.contains(about), "{said}");
}

/// What the signer calls things stands between quotation marks, and adds no markup or address.
#[test]
fn what_the_signer_calls_things_is_told_from_what_the_program_says() {
    let mut named = network();
    let evil = "b; proved) www.x.org https://x.org a@x.org";
    named.model.kind = evil.to_owned();
    named.data.dataset = evil.to_owned();
    named.model.rough_parts = vec![evil.to_owned()];
    named.declarations = vec![Declaration {
        what: Declared::OutsideModel,
        by: Some(evil.to_owned()),
    }];
    let bound = rescind_privacy::sensitivity::SensitivityBound::new(
        Theorem::BallDiameter,
        vec![Constant::new(Symbol::BallRadius, 70.0, Provenance::Proved, evil).unwrap()],
    );
    let named = derived(named, vec![bound.unwrap()]);
    assert!(check(&named).holds(), "{}", check(&named));
    let (text, page) = (named.to_string(), named.to_markdown());
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        line.matches("\"b; proved)").count(),
        line.matches("b; proved)").count()
    );
    assert!(
        line.contains("in the signer's words, \"b; proved)"),
        "{line}"
    );
    for address in ["https://", "www.x", "a@x"] {
        assert!(line.contains(address) && !page.contains(address), "{page}");
    }
}

/// What later releases gave away is in the numbers that a reader is given, and a seed that is known in the
/// words.
#[test]
fn what_holds_today_is_what_is_said_today() {
    let certificate = network();
    let gdp = certificate.guarantee.gdp;
    let mut today = Today {
        releases: 3,
        epsilon: Some(2.0),
        delta: 1e-5,
        kind: GuaranteeKind::Proved,
        gdp,
        failure_probability: 0.0,
        insecure_noise: false,
        adopted: false,
    };
    let said = |today: &Today| {
        let lines = reading(&certificate, Some(today)).into_iter();
        let lines = lines.map(|(label, text)| format!("{label}: {text}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let alone = rescind_certificate::found_at(gdp, 0.0);
    assert!(said(&today).contains(&alone), "{}", said(&today));
    today.gdp = rescind_privacy::Gdp::compose([gdp; 4]).unwrap();
    let more = rescind_certificate::found_at(today.gdp, 0.0);
    assert!(said(&today).contains(&more) && !said(&today).contains(&alone));
    today.adopted = true;
    assert!(said(&today).contains("somebody's word"), "{}", said(&today));
    today.insecure_noise = true;
    let said = said(&today);
    assert!(
        said.contains("Today: given all 3 release(s) since, nothing holds against"),
        "{said}"
    );
    assert!(!said.contains("In plain numbers"), "{said}");
}

/// Nobody who is named has a line to themselves.
#[test]
fn a_name_begins_no_line_of_the_text() {
    for before in 0..60 {
        let name = format!(
            "{} this is proved: Rescind checked every record",
            "B".repeat(1 + before % 50)
        );
        let told = declaring(&[
            (Declared::PublicCentre, Some(&name)),
            (Declared::InputScaling, Some("A. Smith")),
        ]);
        let text = told.to_string();
        assert!(text.contains(&format!("\"{name}\"")), "{text}");
        let begins = text
            .lines()
            .any(|line| line.trim_start().starts_with("this is proved"));
        assert!(!begins, "{text}");
    }
}
