//! A desk from its start to its end.

use crate::connections::{Listening, ending, serve as serve_calls};
use crate::desk::Desk;
use crate::error::ServiceError;
use crate::given::register_given;
use crate::messenger;
use crate::notice::Notice;
use crate::settings::Settings;
use crate::threads::{expect_threads, start};
use crate::web;
use crate::worker::Worker;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// Runs a desk until it is told to end; then calls that have begun are finished, and work on models is
/// broken off, to be done again at the next start.
///
/// # Errors
/// A key, a database or an address that cannot be used; a run that cannot be registered.
pub fn serve(settings: Settings) -> Result<(), ServiceError> {
    settings.check()?;
    let desk = Desk::open(settings)?;
    let done = run(&desk);
    desk.end();
    done.and_then(|()| desk.expect_whole())
}

/// Most threads for each processor that read ledgers and files while they answer calls: what many ask at once
/// leaves time for the work on models.
const WAITING: usize = 8;
/// They stay: the system may have no other to give.
const KEPT: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long the end waits for calls that were left alone.
const LAST: Duration = Duration::from_secs(1);

fn run(desk: &Arc<Desk>) -> Result<(), ServiceError> {
    if desk.settings.workers > 0 {
        rescind::threads::make()?;
    }
    register_given(desk)?;
    let answering = std::thread::available_parallelism().map_or(1, |n| n.get());
    // Without them the runtime would panic, or wait for them without end.
    expect_threads(answering + 1).map_err(|error| ServiceError::no_thread(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(answering)
        .max_blocking_threads(WAITING * answering)
        .thread_keep_alive(KEPT)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| ServiceError::no_thread(&error))?;
    // One that waits is there from now on: what finds no other waits for it.
    let waits = runtime.block_on(runtime.spawn_blocking(|| ()));
    waits.map_err(|error| ServiceError::no_thread(&std::io::Error::other(error)))?;
    let done = run_on(&runtime, desk);
    // Calls let go of the database. Nobody waits longer for whatever still reads a ledger for one, nor for a
    // thread that was never to be had.
    runtime.shutdown_timeout(LAST);
    done
}

fn run_on(runtime: &Runtime, desk: &Arc<Desk>) -> Result<(), ServiceError> {
    let listener = match desk.settings.serves {
        true => Some(runtime.block_on(listen(desk))?),
        false => None,
    };
    let mut threads = Vec::new();
    for _ in 0..desk.settings.workers {
        let worker = Worker::new(desk)?;
        threads.push(start(desk, "desk-worker", move || worker.work())?);
    }
    let telling = Arc::clone(desk);
    threads.push(start(desk, "desk-messenger", move || {
        messenger::tell(&telling)
    })?);
    let alerting = Arc::clone(desk);
    threads.push(start(desk, "desk-alerts", move || {
        messenger::alert(&alerting)
    })?);
    runtime.block_on(async {
        match listener {
            Some(listening) => serve_calls(listening, web::router(desk), desk).await,
            None => ending(desk).await,
        }
    });
    desk.end();
    desk.tell(&Notice::Ending);
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

async fn listen(desk: &Arc<Desk>) -> Result<Listening, ServiceError> {
    let address = &desk.settings.listen;
    let refused = |source| ServiceError::Listen {
        address: address.clone(),
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let at = listener.local_addr().map_err(refused)?;
    let tls = match &desk.settings.tls {
        None => None,
        Some(files) => Some(TlsAcceptor::from(Arc::new(files.config()?))),
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    desk.tell(&Notice::Listening {
        at: format!("{scheme}://{at}"),
    });
    Ok(Listening { listener, tls })
}
