//! Connections: so many at once, none of them for ever.

use crate::desk::Desk;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

/// The longest that calls which have begun may take once the desk ends.
const AT_THE_END: Duration = Duration::from_secs(10);

/// Takes calls until the desk ends, and lets those finish that have begun.
pub(crate) async fn serve<L>(mut listener: L, router: Router, desk: &Arc<Desk>)
where
    L: Listener,
    L::Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = desk.settings.limits;
    let room = Arc::new(Semaphore::new(limits.connections));
    let (ends, ended) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut ending = pin!(ending(desk));
    loop {
        // Whoever finds no room waits outside.
        let taken = tokio::select! {
            () = &mut ending => break,
            taken = Arc::clone(&room).acquire_owned() => taken,
        };
        let (stream, _) = tokio::select! {
            () = &mut ending => break,
            accepted = listener.accept() => accepted,
        };
        while open.try_join_next().is_some() {}
        let serving = one(stream, router.clone(), limits.patience, ended.clone());
        open.spawn(async move {
            serving.await;
            drop(taken);
        });
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

async fn one(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    patience: Duration,
    mut ended: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = ended.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Gives a call's body so long to come.
pub(crate) async fn within(patience: Duration, request: Request, next: Next) -> Response {
    let request = request.map(|body| match body.is_end_stream() {
        true => body,
        false => Body::new(Timed {
            until: Box::pin(sleep(patience)),
            body,
        }),
    });
    next.run(request).await
}

/// A body that has to come in time.
struct Timed {
    body: Body,
    until: Pin<Box<Sleep>>,
}

impl hyper::body::Body for Timed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the body did not come in time".into())));
        }
        let frame = Pin::new(&mut this.body).poll_frame(context);
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
