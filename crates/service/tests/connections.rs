//! Callers who send half of something, and nothing more.

mod common;

use common::{Caller, Running, model, people, policy, settings};
use rescind_service::Limits;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn connected(desk: &Running, sent: &str) -> TcpStream {
    let at = desk.at.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// What comes until the desk closes the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Ok(_) => text,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => text,
        Err(error) => panic!("still open: {error}"),
    }
}

#[test]
fn half_a_call_keeps_nobody_out() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&place.path().join("desk"), Vec::new());
    settings.limits = Limits {
        connections: 4,
        patience: Duration::from_millis(300),
        ..Limits::default()
    };
    let desk = Running::start(settings);
    let half = "GET /healthz HTTP/1.1\r\nHost: desk\r\n";
    let mut streams: Vec<TcpStream> = (0..12).map(|_| connected(&desk, half)).collect();
    // However many there are, whoever calls has their turn.
    assert_eq!(Caller::new(&desk.at, None).get("/healthz").status, 200);
    for stream in &mut streams {
        rest(stream);
    }
}

#[test]
fn half_a_body_is_not_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let run = people(place.path(), "ann", 20);
    let models = vec![model("one", &run, policy(json!({})))];
    let mut settings = settings(&place.path().join("desk"), models);
    settings.limits.patience = Duration::from_millis(300);
    let desk = Running::start(settings);
    let token = desk.token(rescind_service::Role::Requester);
    let half = format!(
        "POST /v1/requests HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"subject"
    );
    let answer = rest(&mut connected(&desk, &half));
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let listed = desk.as_requester().get("/v1/requests").good();
    assert_eq!(listed["requests"], json!([]));
}

#[test]
fn half_a_call_keeps_no_desk_from_ending() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&place.path().join("desk"), Vec::new());
    settings.limits.patience = Duration::from_millis(300);
    let desk = Running::start(settings);
    let mut open = connected(&desk, "GET /healthz HTTP/1.1\r\nHost");
    Caller::new(&desk.at, None).get("/healthz").good();
    desk.end();
    rest(&mut open);
}
