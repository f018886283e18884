//! Callers who send half of something and nothing more, who take up no answer, and who hold on for ever.

mod common;

use common::{Caller, Running, model, people, policy, settings};
use rescind_service::{Limits, Role};
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
    let token = desk.token(Role::Requester);
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

/// Reads one answer, up to the end of its body.
fn one_answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"}") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: desk\r\n\r\n";
const AN_HOUR: Duration = Duration::from_secs(3600);

#[test]
fn who_holds_on_keeps_nobody_out_however_patient_the_desk_is() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&place.path().join("desk"), Vec::new());
    settings.limits = Limits {
        connections: 4,
        patience: AN_HOUR,
        life: AN_HOUR,
        ..Limits::default()
    };
    let desk = Running::start(settings);
    let answered = || {
        let answer = Caller::new(&desk.at, None).get("/healthz");
        assert_eq!(answer.status, 200);
    };
    let mut open = Vec::new();
    // Answered, and held on to.
    for _ in 0..8 {
        let mut stream = connected(&desk, HEALTH);
        assert!(one_answer(&mut stream).starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
    answered();
    // Long answers that nobody takes up.
    let many = "GET /openapi.json HTTP/1.1\r\nHost: desk\r\n\r\n".repeat(400);
    open.extend((0..8).map(|_| connected(&desk, &many)));
    answered();
    // Half a head, nothing at all, half a body.
    open.extend((0..8).map(|_| connected(&desk, "GET /healthz HTTP/1.1\r\nHost")));
    answered();
    open.extend((0..8).map(|_| connected(&desk, "")));
    answered();
    let token = desk.token(Role::Requester);
    let half = format!(
        "POST /v1/requests HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"subject"
    );
    open.extend((0..8).map(|_| connected(&desk, &half)));
    answered();
    let held = open.len();
    drop(open);
    assert_eq!(held, 40);
}

#[test]
fn an_answer_that_nobody_takes_up_is_broken_off() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&place.path().join("desk"), Vec::new());
    settings.limits.patience = Duration::from_millis(300);
    let desk = Running::start(settings);
    let mut stream = connected(&desk, "");
    stream
        .set_write_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let many = "GET /openapi.json HTTP/1.1\r\nHost: desk\r\n\r\n".repeat(1000);
    // Until the desk takes no more calls from here, as none of its answers is read.
    let error = loop {
        if let Err(error) = stream.write_all(many.as_bytes()) {
            break error;
        }
    };
    let broken = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(broken.contains(&error.kind()), "{error}");
}

#[test]
fn a_connection_is_used_for_so_long() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&place.path().join("desk"), Vec::new());
    settings.limits.patience = AN_HOUR;
    settings.limits.life = Duration::from_millis(300);
    let desk = Running::start(settings);
    let mut stream = connected(&desk, HEALTH);
    assert!(one_answer(&mut stream).starts_with("HTTP/1.1 200"));
    assert_eq!(rest(&mut stream), "");
}
