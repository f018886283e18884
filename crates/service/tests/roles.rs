//! Who may do what: every address of the interface, with no token, a wrong role, another's request.

mod common;

use common::{Caller, Running, model, people, policy, settings};
use rescind_service::{Limits, Role, openapi};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every operation, and who may do it.
fn allowed() -> BTreeMap<(&'static str, &'static str), &'static [Role]> {
    use Role::{Auditor, Operator, Requester};
    const ASKS: &[Role] = &[Requester, Operator];
    const SEES: &[Role] = &[Requester, Operator, Auditor];
    const AUDITS: &[Role] = &[Operator, Auditor];
    const OPERATES: &[Role] = &[Operator];
    const OPEN: &[Role] = &[];
    BTreeMap::from([
        (("get", "/healthz"), OPEN),
        (("get", "/readyz"), OPEN),
        (("get", "/metrics"), AUDITS),
        (("post", "/v1/requests"), ASKS),
        (("get", "/v1/requests"), SEES),
        (("get", "/v1/requests/{id}"), SEES),
        (("delete", "/v1/requests/{id}"), ASKS),
        (("get", "/v1/requests/{id}/receipt"), SEES),
        (
            ("post", "/v1/requests/{id}/models/{model}/dismiss"),
            OPERATES,
        ),
        (("post", "/v1/requests/dry-run"), ASKS),
        (("post", "/v1/requests/find"), AUDITS),
        (("get", "/v1/models"), AUDITS),
        (("post", "/v1/models"), OPERATES),
        (("get", "/v1/models/{model}"), AUDITS),
        (("put", "/v1/models/{model}"), OPERATES),
        (("delete", "/v1/models/{model}"), OPERATES),
        (("put", "/v1/models/{model}/policy"), OPERATES),
        (("post", "/v1/models/{model}/retry"), OPERATES),
        (("get", "/v1/models/{model}/releases"), AUDITS),
        (("post", "/v1/models/{model}/releases"), OPERATES),
        (("get", "/v1/models/{model}/orders/{order}"), AUDITS),
        (
            ("get", "/v1/models/{model}/releases/{release}/{file}"),
            AUDITS,
        ),
        (("get", "/v1/models/{model}/promises"), AUDITS),
        (("get", "/v1/audit"), AUDITS),
        (("get", "/v1/audit/check"), AUDITS),
    ])
}

fn desk(place: &std::path::Path, limits: Limits) -> Running {
    let run = people(place, "ann", 20);
    let waits = policy(json!({"batch": {"at_least": 100, "wait_seconds": 86400}}));
    let mut settings = settings(&place.join("desk"), vec![model("one", &run, waits)]);
    settings.limits = limits;
    Running::start(settings)
}

#[test]
fn every_address_lets_in_those_it_should_and_nobody_else() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk(place.path(), Limits::default());
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    let served = Caller::new(&desk.at, None).get("/openapi.json").good();
    assert_eq!(served, document);
    let allowed = allowed();
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let found = allowed.iter().find(|((m, p), _)| m == method && p == path);
            let (_, roles) = found.unwrap_or_else(|| panic!("who may {method} {path}?"));
            seen += 1;
            let address = path
                .replace("{model}", "one")
                .replace("{id}", "0123456789abcdef0123456789abcdef")
                .replace("{order}", "0123456789abcdef0123456789abcdef")
                .replace("{release}", "1")
                .replace("{file}", "model.json");
            let method = method.to_uppercase();
            let body = json!({});
            let body = ["POST", "PUT"].contains(&&*method).then_some(&body);
            let call =
                |token: Option<&str>| Caller::new(&desk.at, token).call(&method, &address, body);
            if roles.is_empty() {
                assert_eq!(call(None).status, 200, "{address}");
                continue;
            }
            for none in [None, Some("rescind_x_y"), Some(""), Some("rescind_")] {
                assert_eq!(
                    call(none).problem(401),
                    "unauthenticated",
                    "{method} {address}"
                );
            }
            // The right name with another's secret.
            let (operator, auditor) = (desk.token(Role::Operator), desk.token(Role::Auditor));
            let mixed = format!(
                "{}_{}",
                operator.rsplit_once('_').unwrap().0,
                auditor.rsplit_once('_').unwrap().1
            );
            assert_eq!(
                call(Some(&mixed)).problem(401),
                "unauthenticated",
                "{method} {address}"
            );
            for role in Role::ALL {
                let status = call(Some(desk.token(role))).status;
                match roles.contains(&role) {
                    true => assert!(![401, 403].contains(&status), "{role} {method} {address}"),
                    false => assert_eq!(status, 403, "{role} {method} {address}"),
                }
            }
        }
    }
    assert_eq!(seen, allowed.len(), "an address is gone");
}

#[test]
fn another_owners_request_is_as_one_that_is_not_there() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk(place.path(), Limits::default());
    let id = desk.as_requester().ask("ann-1");
    let other = desk.caller(&desk.another("blog", Role::Requester));
    let told = |id: &str| {
        let at = format!("/v1/requests/{id}");
        let answers = [
            other.get(&at),
            other.get(&format!("{at}/receipt")),
            other.call("DELETE", &at, None),
        ];
        answers.map(|answer| (answer.problem(404), answer.bytes))
    };
    assert_eq!(told(&id), told("0123456789abcdef0123456789abcdef"));
    assert_eq!(other.get("/v1/requests").good()["requests"], json!([]));
    // Of the same owner, any token will do.
    let same = desk.caller(&desk.another("shop", Role::Requester));
    assert_eq!(same.get(&format!("/v1/requests/{id}")).status, 200);
}

#[test]
fn a_token_ends_when_it_is_revoked() {
    let place = tempfile::tempdir().unwrap();
    let desk = desk(place.path(), Limits::default());
    let token = desk.another("blog", Role::Auditor);
    let caller = desk.caller(&token);
    assert_eq!(caller.get("/v1/models").status, 200);
    let tokens = rescind_service::Tokens::open(&desk.folder, None).unwrap();
    let listed = tokens.list().unwrap();
    let found = listed.iter().find(|listed| listed.owner == "blog").unwrap();
    // The database has no secret that could be sent.
    assert!(token.contains(&found.id) && !format!("{listed:?}").contains(&token));
    tokens.revoke(&found.id).unwrap();
    assert_eq!(caller.get("/v1/models").problem(401), "unauthenticated");
    assert!(tokens.revoke(&found.id).is_err());
    let short = tokens.make("blog", Role::Auditor, Some(0)).unwrap();
    assert_eq!(
        desk.caller(&short).get("/v1/models").problem(401),
        "unauthenticated"
    );
    assert!(
        tokens
            .make("a name with spaces", Role::Auditor, None)
            .is_err()
    );
}

#[test]
fn large_frequent_and_malformed_calls_are_problems() {
    let place = tempfile::tempdir().unwrap();
    let limits = Limits {
        body: 2000,
        calls_per_second: 1,
        burst: 12,
        ..Limits::default()
    };
    let desk = desk(place.path(), limits);
    let asks = desk.as_requester();
    let large = common::of_subject(&"x".repeat(3000));
    assert_eq!(asks.post("/v1/requests", &large).problem(413), "too_large");
    let answer = asks.post("/v1/requests", &json!({"subjects": ["ann-1"]}));
    assert_eq!(answer.problem(422), "request_syntax");
    assert_eq!(
        asks.post("/v1/requests", &json!([])).problem(422),
        "request_syntax"
    );
    assert_eq!(
        asks.post("/v1/requests", &json!({})).problem(422),
        "request_empty"
    );
    assert_eq!(asks.call("POST", "/v1/requests", None).status, 415);
    assert_eq!(
        asks.get("/v1/requests?state=soon").problem(400),
        "request_syntax"
    );
    assert_eq!(asks.get("/v1/no").problem(404), "unknown_path");
    assert_eq!(
        asks.call("PATCH", "/v1/requests", None).problem(405),
        "unknown_path"
    );
    let often = (0..30).map(|_| asks.get("/v1/requests").status);
    let often: Vec<u16> = often.collect();
    assert!(often.contains(&429), "{often:?}");
    // Others go on.
    let other = desk.caller(&desk.another("blog", Role::Requester));
    assert_eq!(other.get("/v1/requests").status, 200);
}
