//! The dashboard, as a browser without a script sees it.

mod common;

use common::browser::{Browser, Page};
use common::{Running, model, people, policy, released, settings};
use rescind_service::Role;
use serde_json::json;

fn text_of(page: &Page) -> &str {
    assert_eq!(page.status, 200, "{}", page.text);
    &page.text
}

/// The word that the page's forms carry.
fn word(page: &Page) -> String {
    let (_, rest) = page.text.split_once("name=\"word\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn the_dashboard_shows_the_desk_to_those_who_may_see_it() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let mut warns = released();
    warns.promise = policy(json!({"promise": {"epsilon": 90, "delta": 1e-5}})).promise;
    let models = vec![model("one", &run, warns)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let (first, second) = (asks.ask("ann-1"), asks.ask("ann-2"));
    asks.until(&first, "completed");
    asks.until(&second, "completed");
    asks.post(
        "/v1/requests",
        &json!({"records": [{"model": "one", "records": "7000"}]}),
    )
    .good();
    asks.until_that("/v1/requests", |page| {
        page["requests"][0]["needs_operator"] == true
            || page["requests"][1]["needs_operator"] == true
            || page["requests"][2]["needs_operator"] == true
    });

    let mut browser = Browser::new(&desk);
    let model_page = "/desk/models/one";
    let story = format!("/desk/requests/{first}");
    let pages = [
        "/desk",
        "/desk?needs_operator=true",
        &story,
        model_page,
        "/desk/health",
    ];
    for path in pages {
        let page = browser.get(path);
        assert_eq!(
            (page.status, page.to.as_deref()),
            (303, Some("/desk/login")),
            "{path}"
        );
    }
    for token in ["nonsense", desk.token(Role::Requester)] {
        let page = browser.sign_in(token);
        assert_eq!((page.status, &browser.cookie), (401, &None));
        assert!(page.text.contains("No token of an operator"));
    }
    assert_eq!(
        browser.sign_in(desk.token(Role::Auditor)).to.as_deref(),
        Some("/desk")
    );
    for path in pages {
        let page = browser.get(path);
        let text = text_of(&page);
        assert!(
            page.policy.starts_with("default-src 'none'"),
            "{}",
            page.policy
        );
        for part in [
            "<!DOCTYPE html>",
            "<html lang=\"en\">",
            "<title>",
            "name=\"viewport\"",
            "<h1>",
            "<main",
        ] {
            assert!(text.contains(part), "{path} lacks {part}");
        }
        // Nobody is named, and nothing needs a script.
        for part in ["ann-1", "ann-2", "<script", "style=\"", "onclick"] {
            assert!(!text.contains(part), "{path} has {part}");
        }
    }
    let queue = browser.get("/desk");
    assert!(text_of(&queue).contains(&format!("/desk/requests/{first}")));
    assert!(
        queue.text.contains("1 open, 0 late, 1 to see to."),
        "{}",
        queue.text
    );
    let held = browser.get("/desk?needs_operator=true");
    assert!(!text_of(&held).contains(&format!("/desk/requests/{first}")));
    let story = browser.get(&story);
    assert!(
        text_of(&story).contains("request received") && story.text.contains("request completed")
    );
    let shown = browser.get(model_page);
    assert!(text_of(&shown).contains("<svg") && shown.text.contains("the policy's promise"));
    let file = browser.get("/desk/models/one/releases/1/certificate.txt");
    let on_disk = run.join("releases/000001/certificate.txt");
    if on_disk.exists() {
        assert_eq!(text_of(&file), std::fs::read_to_string(on_disk).unwrap());
    }
    assert_eq!(
        browser
            .get("/desk/models/one/releases/1/signing.key")
            .status,
        404
    );
    assert_eq!(browser.get("/desk/requests/none").status, 404);

    // An auditor looks, and changes nothing.
    assert!(
        !shown
            .text
            .contains("<form method=\"post\" action=\"/desk/models")
    );
    let mut operator = Browser::new(&desk);
    operator.sign_in(desk.token(Role::Operator));
    let word = word(&operator.get(model_page));
    let retry = "/desk/models/one/retry";
    assert_eq!(
        browser.call("POST", retry, &format!("word={word}")).status,
        403
    );
    assert_eq!(operator.call("POST", retry, "word=").status, 403);
    assert_eq!(operator.call("POST", retry, "").status, 422);
    let done = operator.call("POST", retry, &format!("word={word}"));
    assert_eq!((done.status, done.to.as_deref()), (303, Some(model_page)));

    // A token that is revoked ends its sessions, and so does signing out.
    let tokens = rescind_service::Tokens::open(&desk.folder, None).unwrap();
    let listed = tokens.list().unwrap();
    let auditor = listed
        .iter()
        .find(|token| token.role == Role::Auditor)
        .unwrap();
    tokens.revoke(&auditor.id).unwrap();
    assert_eq!(browser.get("/desk").status, 303);
    operator.call("POST", "/desk/logout", "");
    assert_eq!(operator.get("/desk").status, 303);
    operator.cookie = Some("rescind_desk=forged".to_owned());
    assert_eq!(operator.get("/desk").status, 303);
}

#[test]
fn a_request_is_cancelled_from_its_page() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = policy(json!({"batch": {"at_least": 9, "wait_seconds": 86400}}));
    let models = vec![model("one", &run, waits)];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let id = desk.as_requester().ask("ann-1");
    let mut browser = Browser::new(&desk);
    browser.sign_in(desk.token(Role::Operator));
    let path = format!("/desk/requests/{id}");
    let word = word(&browser.get(&path));
    browser.call("POST", &format!("{path}/cancel"), &format!("word={word}"));
    desk.as_requester().until(&id, "cancelled");
    let page = browser.get(&path);
    assert!(
        text_of(&page).contains("cancel asked by shop"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Cancel it"));
}

/// Signed out is signed out, for whoever has copied the cookie too.
#[test]
fn signing_out_ends_the_session() {
    let place = tempfile::tempdir().unwrap();
    let desk = Running::start(settings(&place.path().join("desk"), Vec::new()));
    let (mut browser, mut copied) = (Browser::new(&desk), Browser::new(&desk));
    browser.sign_in(desk.token(Role::Operator));
    copied.cookie.clone_from(&browser.cookie);
    assert_eq!(copied.get("/desk").status, 200);
    browser.call("POST", "/desk/logout", "");
    assert_eq!(copied.get("/desk").to.as_deref(), Some("/desk/login"));
    // Another session of the same token goes on.
    browser.sign_in(desk.token(Role::Operator));
    assert_eq!(browser.get("/desk").status, 200);
}

/// Whoever calls without a token keeps nobody out who has one.
#[test]
fn guesses_shut_nobody_out() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&place.path().join("desk"), Vec::new());
    settings.limits.calls_per_second = 1;
    settings.limits.burst = 2;
    let desk = Running::start(settings);
    let guesses = common::Caller::new(&desk.at, None);
    let refused = (0..20).map(|_| guesses.get("/v1/requests").status);
    assert!(refused.into_iter().any(|status| status == 429));
    let mut browser = Browser::new(&desk);
    let signed = browser.sign_in(desk.token(Role::Operator));
    assert_eq!(signed.to.as_deref(), Some("/desk"));
    assert_eq!(browser.sign_in("rescind_guess").status, 429);
}

#[test]
fn an_operator_dismisses_what_is_held_from_its_page() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, released())];
    let desk = Running::start(settings(&place.path().join("desk"), models));
    let asks = desk.as_requester();
    let all = json!({"records": [{"model": "one", "records": "0-59"}]});
    let story = asks.post("/v1/requests", &all).good();
    let id = story["request_id"].as_str().unwrap();
    let path = format!("/v1/requests/{id}");
    asks.until_that(&path, |story| story["models"][0]["state"] == "held");
    let mut browser = Browser::new(&desk);
    browser.sign_in(desk.token(Role::Operator));
    let page = browser.get(&format!("/desk/requests/{id}"));
    let word = page.text.split("name=\"word\" value=\"").nth(1).unwrap();
    let word = word.split('"').next().unwrap();
    let at = format!("/desk/requests/{id}/models/one/dismiss");
    assert!(page.text.contains(&at), "{}", page.text);
    assert_eq!(browser.call("POST", &at, "word=guess").status, 403);
    browser.call("POST", &at, &format!("word={word}"));
    let story = asks.until(id, "completed");
    assert_eq!(story["models"][0]["state"], "dismissed");
}

#[test]
fn what_goes_wrong_is_a_page_and_what_is_due_first_comes_first() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let waits = policy(json!({
        "batch": {"at_least": 9, "wait_seconds": 86400}, "deadline": {"hurry_seconds": 0},
    }));
    let desk = Running::start(settings(
        &place.path().join("desk"),
        vec![model("one", &run, waits)],
    ));
    let asks = desk.as_requester();
    let ask = |person: &str, submitted: &str, regulation: &str| {
        let asked = json!({
            "subject_identities": [{"identity_value": person}],
            "submitted_time": submitted, "regulation": regulation,
        });
        let story = asks.post("/v1/requests", &asked).good();
        story["request_id"].as_str().unwrap().to_owned()
    };
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let first_sent = ask("ann-1", &now, "ccpa");
    let late = ask("ann-2", "2026-01-01T00:00:00Z", "ccpa");
    let last_sent = ask("ann-3", &now, "gdpr");
    let mut browser = Browser::new(&desk);
    browser.sign_in(desk.token(Role::Operator));
    let page = browser.get("/desk?by=due");
    let text = text_of(&page);
    let places = [&late, &last_sent, &first_sent].map(|id| text.find(id.as_str()).unwrap());
    assert!(places.is_sorted(), "{places:?}");
    let page = browser.get("/desk?by=late");
    let text = text_of(&page);
    assert!(text.contains(&late) && !text.contains(&first_sent) && !text.contains(&last_sent));
    for (path, status) in [
        ("/desk/requests/none", 404),
        ("/desk/models/none", 404),
        ("/desk/nothing/here", 404),
        ("/desk?state=strange", 400),
    ] {
        let page = browser.get(path);
        assert_eq!(page.status, status, "{path}: {}", page.text);
        for part in ["<!DOCTYPE html>", "href=\"/desk\"", "role=\"status\""] {
            assert!(page.text.contains(part), "{path}: {}", page.text);
        }
    }
    let page = browser.call("POST", "/desk/models/one/retry", "word=wrong");
    assert_eq!(page.status, 403);
    assert!(page.text.starts_with("<!DOCTYPE html>"), "{}", page.text);
    // Of the interface it stays a document.
    assert_eq!(
        asks.get("/v1/requests/none").problem(404),
        "unknown_request"
    );
}
