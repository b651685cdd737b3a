//! The future that every provider returns. Boxed, because providers are chosen by configuration and called as
//! `Arc<dyn …>`; an `async fn` in a trait can't be called through `dyn`.

use std::{future::Future, pin::Pin};

use tokio_util::sync::CancellationToken;

use crate::error::ProviderError;

/// What a provider's method returns. Dropping it stops the work and kills the processes that were started for it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// Waits for `work`, or for the caller to cancel.
///
/// # Errors
/// The error of `work`, or [`ProviderError::Cancelled`].
pub(crate) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ProviderError::Cancelled),
        done = work => done,
    }
}
