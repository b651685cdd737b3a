//! Similarities by a model of embeddings, where one is configured and answers; else by the words.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use providers::{
    CancellationToken, Embedded, Embedder, EmbeddingSettings, OpenAiEmbeddings, ProviderError, embed::cosine,
};
use serde::Deserialize;

use super::{
    Streams,
    field::condition,
    prose::names,
    similarity::{LEXICAL, Similarities, pair},
};
use crate::records::Stream;

/// Options of the services that measure.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeasureOptions {
    /// Where a model of embeddings is; none: texts are compared by their words.
    pub embeddings: Option<EmbeddingSettings>,
    /// Texts in one question: 64.
    pub batch: usize,
    /// Seconds that an answer may take: 60.
    pub timeout_seconds: u64,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self { embeddings: None, batch: 64, timeout_seconds: 60 }
    }
}

/// How often a question is asked that may be answered the next time.
const TRIES: u32 = 3;
/// Pause after the first try that failed.
const PAUSE: Duration = Duration::from_millis(500);

/// What measures.
#[derive(Debug, Clone)]
pub struct Measure {
    embedder: Option<Arc<dyn Embedder>>,
    batch: usize,
    timeout: Duration,
}

impl Measure {
    /// By options. Nothing is asked yet.
    #[must_use]
    pub fn new(options: MeasureOptions) -> Self {
        let embedder = options.embeddings.map(|it| Arc::new(OpenAiEmbeddings::new(it)) as Arc<dyn Embedder>);
        let timeout = Duration::from_secs(options.timeout_seconds.max(1));
        Self { embedder, batch: options.batch.max(1), timeout }
    }

    /// Returns how alike the texts of the streams are. A model that fails is said so in [`Similarities::by`], and the words are
    /// compared instead: all of them, so that one comparison has one measure.
    pub async fn similarities(&self, streams: &Streams, cancel: &CancellationToken) -> Similarities {
        let Some(embedder) = &self.embedder else { return Similarities::default() };
        let pairs = pairs(streams);
        match self.embed(&**embedder, &pairs, cancel).await {
            Ok(similarities) => similarities,
            Err(error) => {
                let by = format!("{LEXICAL} (the model {} failed: {})", embedder.name(), error.code());
                tracing::warn!(%error, "texts are compared by their words");
                Similarities { by, ..Similarities::default() }
            }
        }
    }

    async fn embed(
        &self,
        embedder: &dyn Embedder,
        pairs: &BTreeSet<(String, String)>,
        cancel: &CancellationToken,
    ) -> Result<Similarities, ProviderError> {
        embedder.ready()?;
        let texts: Vec<String> = pairs
            .iter()
            .flat_map(|it| [&it.0, &it.1])
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        let mut vectors: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        let (mut by, mut tokens) = (embedder.name(), 0);
        for batch in texts.chunks(self.batch) {
            let Embedded { vectors: made, model, tokens: used } = self.ask(embedder, batch, cancel).await?;
            by = model;
            tokens += used.unwrap_or(0);
            vectors.extend(batch.iter().cloned().zip(made));
        }
        let alike = |it: &(String, String)| Some(cosine(vectors.get(&it.0)?, vectors.get(&it.1)?).max(0.0));
        let known = pairs.iter().filter_map(|it| Some((it.clone(), alike(it)?))).collect();
        Ok(Similarities { by, tokens, known })
    }

    async fn ask(
        &self,
        embedder: &dyn Embedder,
        batch: &[String],
        cancel: &CancellationToken,
    ) -> Result<Embedded, ProviderError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match embedder.embed(batch, self.timeout, cancel).await {
                Err(error) if error.is_retryable() && tried < TRIES => {
                    tokio::time::sleep(error.retry_after().unwrap_or(PAUSE * tried).min(self.timeout)).await;
                }
                done => return done,
            }
        }
    }
}

/// The texts that both streams have of a field and that are not the same.
fn pairs(streams: &Streams) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    let (Some(a), Some(b)) = (streams.get(&Stream::A), streams.get(&Stream::B)) else { return pairs };
    for (id, one) in &a.entries {
        let Some(other) = b.entries.get(id) else { continue };
        let (docs, others) = (&one.documentation, &other.documentation);
        let mut add = |one: &str, other: &str| {
            let (one, other) = (one.trim(), other.trim());
            if one != other && !one.is_empty() && !other.is_empty() {
                pairs.insert(pair(one, other));
            }
        };
        add(&docs.summary, &others.summary);
        add(&docs.description, &others.description);
        if let (Some(one), Some(other)) = (&docs.returns, &others.returns) {
            add(&one.description, &other.description);
        }
        for name in names(one, other) {
            let of = |all: &[crate::records::documented::ParameterDoc]| {
                all.iter().find(|it| it.name == name).map(|it| it.description.clone()).unwrap_or_default()
            };
            add(&of(&docs.parameters), &of(&others.parameters));
        }
        for raised in &docs.raises {
            let of = |entry| condition(entry, &raised.kind).unwrap_or_default();
            add(&of(one), &of(other));
        }
    }
    pairs
}
