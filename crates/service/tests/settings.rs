//! What a desk is not started with, and what its documents say.

mod common;

use common::settings;
use rescind::Code;
use rescind_service::policy::Policy;
use serde_json::Value;
use std::sync::Arc;

#[test]
fn a_desk_that_could_do_nothing_is_not_started() {
    let place = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut rescind_service::Settings)| {
        let mut settings = settings(&place.path().join("desk"), Vec::new());
        settings.ends = Arc::new(|| true);
        change(&mut settings);
        rescind_service::serve(settings)
            .err()
            .map(|error| error.code())
    };
    assert_eq!(refused(&|_| ()), None);
    for url in ["notaurl", "ftp://ops.example/", "https://", ""] {
        let code = refused(&|settings| settings.alerts = Some(url.to_owned()));
        assert_eq!(code, Some(Code::Setting), "{url}");
    }
    assert_eq!(
        refused(&|settings| settings.limits.calls_per_second = 0),
        Some(Code::Setting)
    );
    assert_eq!(
        refused(&|settings| settings.limits.body = 0),
        Some(Code::Setting)
    );
}

#[test]
fn the_document_says_that_the_database_may_be_gone() {
    let document: Value = serde_json::from_str(&rescind_service::openapi()).unwrap();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let said = operation["responses"].get("503").is_some();
            assert_eq!(said, path != "/healthz", "{method} {path}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// The sample can be copied, and says what a policy is where nothing is said.
#[test]
fn the_policy_in_the_documents_is_the_one_by_default() {
    let pages = include_str!("../../../docs/service.md");
    let (_, rest) = pages.split_once("## Policies").unwrap();
    let (_, rest) = rest.split_once("```json\n").unwrap();
    let (sample, rest) = rest.split_once("```").unwrap();
    let policy: Policy = serde_json::from_str(sample).unwrap();
    policy.check().unwrap();
    assert_eq!(policy, Policy::default());
    let written: Value = serde_json::from_str(sample).unwrap();
    assert_eq!(written, serde_json::to_value(&policy).unwrap());
    // One that releases.
    let (_, rest) = rest.split_once("```json\n").unwrap();
    let (sample, _) = rest.split_once("```").unwrap();
    let policy: Policy = serde_json::from_str(sample).unwrap();
    policy.check().unwrap();
}
