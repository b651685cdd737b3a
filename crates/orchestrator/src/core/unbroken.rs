//! A future that goes on where nobody waits for it any more.
//!
//! Whoever puts something into a job's inbox drives the job in his own task: from a callback's arrival to the next start no
//! other task has to be woken. But the task of an HTTP request ends when its caller hangs up, wherever it stands, and a
//! round must never be left between its append and its effects.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tokio::runtime::Handle;

/// Runs in the task that awaits it, and in one of its own from the moment on that it is dropped unfinished.
pub(super) struct Unbroken(Option<BoxFuture<'static, ()>>);

impl Unbroken {
    pub(super) fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl Future for Unbroken {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(future) = &mut self.0 else { return Poll::Ready(()) };
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Unbroken {
    fn drop(&mut self) {
        // Without a runtime everything ends here, as in a crash.
        if let (Some(future), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_half_way_is_done_all_the_same() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let mut work = Unbroken::new(async move {
            gone.await.unwrap();
            done.send("done").unwrap();
        });
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        let finished = tokio::time::timeout(Duration::from_secs(30), finished).await;
        assert_eq!(finished.unwrap().unwrap(), "done");
    }
}
