//! What can go wrong with an outside engine, sorted by what a caller does about it: give up on everything, give up on one
//! text, or try again. One type for all providers, because callers treat them alike; each message names the provider.

use std::time::Duration;

use crate::language::UnsupportedLanguage;

/// Why a provider gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// A program, a package or a file is not on this machine.
    #[error("{provider} needs {what}, which is not here: {install}")]
    Missing {
        /// Which provider.
        provider: String,
        /// What is missing.
        what: String,
        /// The one line that installs it.
        install: String,
    },
    /// A setting cannot be used, such as a key's variable that is not set.
    #[error("{provider} is not set up: {message}")]
    Misconfigured {
        /// Which provider.
        provider: String,
        /// What is wrong with it.
        message: String,
    },
    /// The language is not in our table.
    #[error(transparent)]
    UnsupportedLanguage(#[from] UnsupportedLanguage),
    /// The provider has not got this pair of languages, or this language.
    #[error("{provider} has no {pair} here; it has {}. {hint}", list(supported))]
    UnsupportedPair {
        /// Which provider.
        provider: String,
        /// What was asked for, such as `spa_for_eng`.
        pair: String,
        /// What it has.
        supported: Vec<String>,
        /// What would help.
        hint: String,
    },
    /// The provider has no such voice.
    #[error("{provider} has no voice {voice:?}: {message}")]
    UnknownVoice {
        /// Which provider.
        provider: String,
        /// The voice.
        voice: String,
        /// What the provider said.
        message: String,
    },
    /// The provider does not accept the key, or not for this (401, 403).
    #[error("{provider} does not let us in ({status}): {message}")]
    Unauthorized {
        /// Which provider.
        provider: String,
        /// HTTP status.
        status: u16,
        /// What the provider said, shortened.
        message: String,
    },
    /// The provider will not work on this text, now or later. Other texts may well do.
    #[error("{provider} refuses this text: {message}")]
    Refused {
        /// Which provider.
        provider: String,
        /// What the provider said, shortened.
        message: String,
    },
    /// The provider does not understand the request (other 4xx, a failing program).
    #[error("{provider} rejects the request: {message}")]
    Rejected {
        /// Which provider.
        provider: String,
        /// What the provider said, shortened.
        message: String,
    },
    /// Too many requests (429).
    #[error("{provider} is asked too often: {message}")]
    RateLimited {
        /// Which provider.
        provider: String,
        /// How long the provider wants us to wait.
        retry_after: Option<Duration>,
        /// What the provider said, shortened.
        message: String,
    },
    /// A server's fault (5xx), no connection, a program that died.
    #[error("{provider} is not available: {message}")]
    Unavailable {
        /// Which provider.
        provider: String,
        /// How long the provider wants us to wait.
        retry_after: Option<Duration>,
        /// What happened.
        message: String,
    },
    /// No answer in time.
    #[error("{provider} did not answer within {after:?}")]
    TimedOut {
        /// Which provider.
        provider: String,
        /// The deadline.
        after: Duration,
    },
    /// An answer that is not what was agreed on.
    #[error("{provider} answered something else: {message}")]
    Garbled {
        /// Which provider.
        provider: String,
        /// What is wrong with it.
        message: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl ProviderError {
    /// Returns the stable name of the problem, for a problem body or a callback's `error.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "provider-missing",
            Self::Misconfigured { .. } => "provider-misconfigured",
            Self::UnsupportedLanguage(_) => "unsupported-language",
            Self::UnsupportedPair { .. } => "unsupported-pair",
            Self::UnknownVoice { .. } => "unknown-voice",
            Self::Unauthorized { .. } => "provider-unauthorized",
            Self::Refused { .. } => "provider-refused-text",
            Self::Rejected { .. } => "provider-rejected",
            Self::RateLimited { .. } => "provider-rate-limited",
            Self::Unavailable { .. } => "provider-unavailable",
            Self::TimedOut { .. } => "provider-timeout",
            Self::Garbled { .. } => "provider-garbled",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns whether the same request may succeed later. False also for [`Self::Cancelled`]: nobody waits for it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::Garbled { .. }
        )
    }

    /// Returns whether only this text is the trouble, so that the others should go on.
    #[must_use]
    pub fn is_about_this_text(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Returns how long the provider wants us to wait before the next try, where it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn list(supported: &[String]) -> String {
    if supported.is_empty() { "none".to_owned() } else { supported.join(", ") }
}
