//! Load on a desk that runs: so many requests a second, evenly spaced whether or not earlier ones have
//! been answered, and how long each took to be acknowledged.
//!
//! ```text
//! cargo run --release -p rescind-service --example load -- URL TOKEN --rate 200 --seconds 20
//! ```
//!
//! The people asked for are `load-0` and on, whom no model knows; `--subject NAME-` and a number asks
//! for those of a model. Every request has a key of its own.

use std::env;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Connections that are open at once.
const CALLERS: usize = 32;

struct Load {
    url: String,
    token: String,
    rate: f64,
    seconds: f64,
    subject: String,
}

fn options() -> Option<Load> {
    let words: Vec<String> = env::args().skip(1).collect();
    let (places, named): (Vec<&String>, Vec<&String>) =
        match words.iter().position(|w| w.starts_with("--")) {
            Some(at) => (words[..at].iter().collect(), words[at..].iter().collect()),
            None => (words.iter().collect(), Vec::new()),
        };
    let [url, token] = places[..] else {
        return None;
    };
    let mut load = Load {
        url: url.clone(),
        token: token.clone(),
        rate: 200.0,
        seconds: 20.0,
        subject: "load-".to_owned(),
    };
    for pair in named.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--rate" => load.rate = value.parse().ok()?,
            "--seconds" => load.seconds = value.parse().ok()?,
            "--subject" => load.subject = (*value).clone(),
            _ => return None,
        }
    }
    (load.rate > 0.0 && load.rate <= 10_000.0 && load.seconds > 0.0 && load.seconds <= 3600.0)
        .then_some(load)
}

fn main() -> ExitCode {
    let Some(load) = options() else {
        eprintln!("load URL TOKEN [--rate 200] [--seconds 20] [--subject load-]");
        return ExitCode::FAILURE;
    };
    let count = (load.rate * load.seconds) as usize;
    let next = AtomicUsize::new(0);
    let times = Mutex::new(Vec::with_capacity(count));
    let run = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    let began = Instant::now() + Duration::from_millis(200);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let agent = ureq::agent();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let due = began + Duration::from_secs_f64(number as f64 / load.rate);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let body = format!(
                        r#"{{"subject_identities": [{{"identity_value": "{}{number}"}}]}}"#,
                        load.subject
                    );
                    let answer = agent
                        .post(format!("{}/v1/requests", load.url))
                        .header("Authorization", format!("Bearer {}", load.token))
                        .header("Idempotency-Key", format!("{run}-{number}"))
                        .header("Content-Type", "application/json")
                        .send(&body);
                    // From when it was to be sent: one that waits for a connection waits.
                    let taken = Instant::now().saturating_duration_since(due);
                    let good = answer.is_ok_and(|answer| answer.status() == 202);
                    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                    times.push((good, taken.as_secs_f64() * 1e3));
                }
            });
        }
    });
    let elapsed = began.elapsed().as_secs_f64();
    let times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut good: Vec<f64> = times
        .iter()
        .filter(|(good, _)| *good)
        .map(|(_, ms)| *ms)
        .collect();
    good.sort_by(f64::total_cmp);
    let at = |share: f64| {
        good.get((share * good.len() as f64) as usize)
            .or(good.last())
    };
    let shown = |share| at(share).map_or("none".to_owned(), |ms| format!("{ms:.1} ms"));
    println!(
        "{} of {count} acknowledged in {elapsed:.1} s, {:.0} a second: median {}, p90 {}, p99 {}, longest {}",
        good.len(),
        good.len() as f64 / elapsed,
        shown(0.5),
        shown(0.9),
        shown(0.99),
        shown(1.0),
    );
    match good.len() == count {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
