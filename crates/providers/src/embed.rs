//! Texts as vectors: the trait, and what two vectors have in common.

mod openai;

use std::{fmt, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{answer::Answer, error::ProviderError};

pub use openai::{EmbeddingSettings, OpenAiEmbeddings};

/// Vectors for texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One for each text, in their order, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Which model made them, as the server names it.
    pub model: String,
    /// Tokens of the texts, where the server counts them.
    pub tokens: Option<u64>,
}

/// A model that makes vectors of texts: near in meaning, near in direction.
pub trait Embedder: Send + Sync + fmt::Debug {
    /// Returns the model's name as asked for.
    fn name(&self) -> String;

    /// Returns whether it could be asked, without asking it.
    ///
    /// # Errors
    /// [`ProviderError::Misconfigured`].
    fn ready(&self) -> Result<(), ProviderError>;

    /// Asks for the vectors of some texts. Not repeated on errors.
    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        timeout: Duration,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Embedded>;
}

/// Returns how alike two directions are, from -1 to 1; 0 where one has none or they are not of one length.
#[must_use]
pub fn cosine(one: &[f32], other: &[f32]) -> f64 {
    if one.len() != other.len() {
        return 0.0;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    if lengths > 0.0 && lengths.is_finite() { (dot(one, other) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::cosine;

    #[test]
    fn directions_are_compared_and_not_lengths() {
        assert!((cosine(&[1.0, 2.0], &[10.0, 20.0]) - 1.0).abs() < 1e-9);
        assert!(cosine(&[1.0, 0.0], &[0.0, 3.0]).abs() < 1e-9);
        assert!((cosine(&[1.0, 0.0], &[-2.0, 0.0]) + 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_compared_has_nothing_in_common() {
        assert_eq!([cosine(&[1.0], &[1.0, 2.0]), cosine(&[0.0], &[1.0]), cosine(&[], &[])], [0.0; 3]);
        assert_eq!(cosine(&[f32::INFINITY], &[1.0]), 0.0);
    }
}
