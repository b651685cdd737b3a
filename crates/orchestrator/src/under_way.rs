//! How many requests are under way, so that an end waits for them and for nothing else: a connection that is kept alive, or
//! was opened in advance and never used, would otherwise hold it up.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::sync::watch;

/// Counts requests from their arrival to the last byte of their answer. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(watch::Sender<usize>);

struct One(watch::Sender<usize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl UnderWay {
    /// As a middleware: counts the request while it is answered and its body is sent.
    pub(crate) async fn count(self, request: Request, next: Next) -> Response {
        self.0.send_modify(|count| *count += 1);
        let one = One(self.0);
        let answer = next.run(request).await;
        answer.map(|body| Body::new(Counted { body, _one: one }))
    }

    /// Returns when none is.
    pub(crate) async fn none(&self) {
        // The sender is a field of `self`, so it can't be gone.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A body that counts until it is sent; otherwise as it was, its length included.
struct Counted {
    body: Body,
    _one: One,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
