//! Connections: so many at once, none of them for ever, and none that keeps others out.
//!
//! Where all places are taken, whoever comes next is given that of somebody whom the desk waits for.

mod body;
mod places;
mod stream;

use crate::desk::Desk;
use crate::settings::Limits;
use axum::Router;
use axum::body::Body;
use axum::serve::Listener;
use body::Timed;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use places::{Place, Places};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use stream::Paced;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// The longest that calls which have begun may take once the desk ends.
const AT_THE_END: Duration = Duration::from_secs(10);

/// What calls come through: with an acceptor it is TLS.
pub(crate) struct Listening {
    pub listener: TcpListener,
    pub tls: Option<TlsAcceptor>,
}

/// Takes calls until the desk ends, and lets those finish that have begun.
pub(crate) async fn serve(mut from: Listening, router: Router, desk: &Arc<Desk>) {
    let limits = desk.settings.limits;
    let places = Places::new(limits.connections);
    let (ends, ended) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut ending = pin!(ending(desk));
    loop {
        let (stream, at) = tokio::select! {
            () = &mut ending => break,
            accepted = Listener::accept(&mut from.listener) => accepted,
        };
        // Where every place is at work, whoever comes next waits outside.
        let place = tokio::select! {
            () = &mut ending => break,
            place = places.take(at.ip()) => Arc::new(place),
        };
        while open.try_join_next().is_some() {}
        open.spawn(one(Caller {
            stream,
            tls: from.tls.clone(),
            router: router.clone(),
            limits,
            place,
            ended: ended.clone(),
        }));
    }
    let _ = ends.send(true);
    let finishing = async { while open.join_next().await.is_some() {} };
    // What has not ended by then is broken off.
    let _ = timeout(limits.patience.min(AT_THE_END), finishing).await;
}

/// Waits until the desk is to end.
pub(crate) async fn ending(desk: &Desk) {
    while !desk.is_ending() {
        sleep(Duration::from_millis(100)).await;
    }
}

/// Somebody who has connected.
struct Caller {
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    place: Arc<Place>,
    ended: watch::Receiver<bool>,
}

async fn one(caller: Caller) {
    let place = Arc::clone(&caller.place);
    tokio::select! {
        () = answering(caller) => {}
        () = place.taken_away() => {}
    }
}

async fn answering(caller: Caller) {
    let patience = caller.limits.patience;
    let stream = Paced::new(caller.stream, patience, Arc::clone(&caller.place));
    let (router, limits, place) = (caller.router, caller.limits, caller.place);
    match caller.tls {
        None => calls(stream, router, limits, place, caller.ended).await,
        Some(tls) => {
            let mut ended = caller.ended;
            // Agreeing on a key takes no longer than the head of a call.
            let agreed = tokio::select! {
                agreed = timeout(patience, tls.accept(stream)) => agreed,
                _ = ended.changed() => return,
            };
            if let Ok(Ok(stream)) = agreed {
                calls(stream, router, limits, place, ended).await;
            }
        }
    }
}

async fn calls(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: Limits,
    place: Arc<Place>,
    mut ended: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let place = Arc::clone(&place);
        let timed = Arc::clone(&place);
        let request = request.map(|body| match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(Timed::new(body, limits.patience, timed)),
        });
        let answer = router.call(request);
        async move {
            place.works(true);
            let answer = answer.await;
            place.works(false);
            place.touch();
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.patience)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = ended.changed() => {}
        () = sleep(limits.life) => {}
    }
    // A call that has begun is answered.
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
