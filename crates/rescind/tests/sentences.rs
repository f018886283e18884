//! What certificates say in words.

#[path = "../../run/tests/support/mod.rs"]
mod support;

use rescind::certificate::{Certificate, statement};
use rescind_privacy::NoiseChoice;
use support::*;

/// No sentence is part of the document: those that are shown follow from its fields.
#[test]
fn statement_and_assumptions_are_made_when_a_certificate_is_shown() {
    let fixture = Fixture::new();
    let mut order = fixture.order(1);
    order.basis.noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    order.basis.accept_noise = true;
    let released = fixture.release(order).unwrap();
    let certificate = &released.certificate;
    let said = "Release 1 is the first without 10 record(s). Whatever set of outcomes is looked at, these released \
                weights fall into it with a probability of at most e^1 times that of weights trained \
                without those records and noised in the same way, plus 1e-5; and the other way round \
                (epsilon = 1, delta = 1e-5). Whoever judges by what is released, and would accuse \
                this share of the forgotten records had they never been used, finds at most so many \
                of them: 8.5 % for 5.0 %, 2.0 % for 1.0 %, 0.24 % for 0.10 %. Whoever knows \
                from elsewhere who asked to be forgotten is not covered. This is proved: it follows \
                from the algorithm as it was run.";
    assert_eq!(statement(certificate), said);
    let document = serde_json::to_string(certificate).unwrap();
    assert!(!document.contains("Whatever set of outcomes"));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in ["certificate.txt", "certificate.md"] {
        let shown = std::fs::read_to_string(released.folder.join(name)).unwrap();
        let shown = words(&shown.replace('\\', "")); // Markdown escapes some characters
        assert!(shown.contains(said), "{name}: {shown}");
        for assumption in &certificate.assumptions {
            let text = assumption.text(certificate);
            assert!(shown.contains(&words(&text)), "{name}: {text}");
            assert!(!document.contains(&text));
        }
    }
    // The same from the document alone, as anybody reads it.
    let read: Certificate = serde_json::from_str(&document).unwrap();
    assert_eq!(statement(&read), said);
    assert_eq!(read.assumptions, certificate.assumptions);
}
