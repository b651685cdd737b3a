//! Any endpoint that speaks `POST /embeddings` as OpenAI's does: llama.cpp, Ollama, vLLM, most clouds.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Embedded, Embedder};
use crate::{
    answer::{Answer, unless_cancelled},
    endpoint::Endpoint,
    error::ProviderError,
    secret::KeySource,
};

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// The address before `/embeddings`, such as `http://127.0.0.1:8080/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// The environment variable with the key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file with the key.
    #[serde(default)]
    pub key_file: Option<std::path::PathBuf>,
}

/// A model behind such an endpoint.
#[derive(Debug)]
pub struct OpenAiEmbeddings {
    endpoint: Endpoint,
    model: Arc<str>,
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Vector>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Vector {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

impl OpenAiEmbeddings {
    /// A model by its settings. Nothing is asked yet.
    #[must_use]
    pub fn new(settings: EmbeddingSettings) -> Self {
        let EmbeddingSettings { url, model, key_env, key_file } = settings;
        let endpoint = Endpoint::new("embeddings", &url, KeySource { key_env, key_file });
        Self { endpoint, model: model.into() }
    }

    fn reply(&self, bytes: &[u8], wanted: usize) -> Result<Embedded, ProviderError> {
        let garbled = |message: String| ProviderError::Garbled {
            provider: self.endpoint.provider().to_owned(),
            message,
        };
        let list: List = serde_json::from_slice(bytes)
            .map_err(|error| garbled(format!("it is no list of embeddings: {error}")))?;
        // A server may give them in any order: `index` says whose each is.
        let mut vectors = vec![None; wanted];
        for vector in list.data {
            match vectors.get_mut(vector.index) {
                Some(place @ None) => *place = Some(vector.embedding),
                _ => return Err(garbled(format!("nobody asked for embedding {}", vector.index))),
            }
        }
        let vectors: Vec<Vec<f32>> = vectors
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| garbled(format!("not all of {wanted} embeddings are in it")))?;
        let length = vectors.first().map_or(0, Vec::len);
        let whole = |it: &Vec<f32>| it.len() == length && it.iter().all(|one| one.is_finite());
        if wanted > 0 && (length == 0 || !vectors.iter().all(whole)) {
            return Err(garbled("its embeddings are not numbers of one length".to_owned()));
        }
        Ok(Embedded {
            vectors,
            model: list.model.unwrap_or_else(|| self.name()),
            tokens: list.usage.and_then(|usage| usage.prompt_tokens),
        })
    }
}

impl Embedder for OpenAiEmbeddings {
    fn name(&self) -> String {
        self.model.to_string()
    }

    fn ready(&self) -> Result<(), ProviderError> {
        self.endpoint.ready()
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        timeout: Duration,
        cancel: &'a CancellationToken,
    ) -> Answer<'a, Embedded> {
        let work = async move {
            let body = json!({ "model": self.model, "input": texts, "encoding_format": "float" });
            let (_, bytes) = self.endpoint.post("/embeddings", &body, timeout).await?;
            self.reply(&bytes, texts.len())
        };
        Box::pin(unless_cancelled(cancel, work))
    }
}
