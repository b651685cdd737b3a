//! A phase whose work is a closure, and services made quick enough for tests.

use std::{path::Path, time::Duration};

use futures::future::{BoxFuture, FutureExt};
use phase_kit::{Context, Phase, PhaseError, Service, ServiceBuilder, Success, Timing};
use serde_json::Value;

pub(crate) type Outcome = Result<Success<Value>, PhaseError>;
type Work = Box<dyn Fn(Context, Value) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// The phase `work`.
pub(crate) struct Scripted(Work);

impl Scripted {
    pub(crate) fn new<F>(work: impl Fn(Context, Value) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self(Box::new(move |ctx, input| work(ctx, input).boxed()))
    }
}

impl Phase for Scripted {
    const NAME: &'static str = "work";
    type Input = Value;
    type Output = Value;

    async fn run(&self, ctx: Context, input: Value) -> Outcome {
        (self.0)(ctx, input).await
    }
}

/// A phase that returns its input.
pub(crate) fn echo() -> Scripted {
    Scripted::new(|_, input| async move { Ok(Success::new(input)) })
}

/// A phase that runs until it is told to stop.
pub(crate) fn endless() -> Scripted {
    Scripted::new(|ctx, _| async move {
        ctx.cancelled().await;
        Err(PhaseError::Cancelled)
    })
}

/// Short waits, so that a test takes no longer than its events.
pub(crate) fn quick() -> Timing {
    Timing {
        first_backoff: Duration::from_millis(5),
        most_backoff: Duration::from_millis(20),
        progress_every: Duration::from_millis(20),
        artifact_patience: Duration::from_secs(5),
        ..Timing::default()
    }
}

pub(crate) fn service(phase: Scripted) -> ServiceBuilder {
    Service::builder("test-service").phase(phase).timing(quick()).seed(1)
}

pub(crate) fn service_in(folder: &Path, phase: Scripted) -> Service {
    service(phase).data_dir(folder).build().expect("a service")
}
