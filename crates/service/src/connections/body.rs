//! A call's body: it has to come in time.

use super::places::Place;
use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A body that has to come in time. While it is waited for, the desk does not work on the call.
pub(super) struct Timed {
    body: Incoming,
    until: Pin<Box<Sleep>>,
    place: Arc<Place>,
}

impl Timed {
    /// From now on it has so long.
    pub fn new(body: Incoming, patience: Duration, place: Arc<Place>) -> Self {
        Self {
            body,
            until: Box::pin(sleep(patience)),
            place,
        }
    }
}

impl Body for Timed {
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
        this.place.works(frame.is_ready());
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
