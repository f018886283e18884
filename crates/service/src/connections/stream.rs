//! A caller's stream, who has to take up what is sent.

use super::places::Place;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that a caller takes up in a second of those in which they are waited for, at least.
const LEAST: f64 = 1024.0;

/// A stream that fails where its caller takes up nothing, or next to nothing, for as long as the desk has
/// patience. Time in which there is nothing to send does not count.
pub(super) struct Paced {
    stream: TcpStream,
    patience: Duration,
    place: Arc<Place>,
    /// Bytes taken up, and how long was waited, since the last look.
    taken: f64,
    waited: Duration,
    waits: Option<Instant>,
    until: Pin<Box<Sleep>>,
}

impl Paced {
    pub fn new(stream: TcpStream, patience: Duration, place: Arc<Place>) -> Self {
        Self {
            stream,
            patience,
            place,
            taken: 0.0,
            waited: Duration::ZERO,
            waits: None,
            until: Box::pin(sleep(patience)),
        }
    }

    fn paced(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        if let Some(since) = self.waits.take() {
            self.waited += now - since;
        }
        if let Poll::Ready(Ok(bytes)) = &written {
            self.taken += *bytes as f64;
            self.place.touch();
        }
        if self.waited >= self.patience {
            if self.taken < LEAST * self.waited.as_secs_f64() {
                let error = io::Error::new(io::ErrorKind::TimedOut, "the answer is not taken up");
                return Poll::Ready(Err(error));
            }
            (self.taken, self.waited) = (0.0, Duration::ZERO);
        }
        if written.is_pending() {
            self.waits = Some(now);
            let left = self.patience.saturating_sub(self.waited);
            self.until.as_mut().reset(now + left);
            if self.until.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
        written
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.paced(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.paced(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Both are done at once for what the system sends.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
