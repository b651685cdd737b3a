//! The phase `llm`: asks once, within its patience, and always has an answer.

use std::{sync::Arc, time::Duration};

use phase_kit::{Context, Phase, PhaseError, Success};
use providers::{CancellationToken, ChatModel, ChatRequest};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{
    answer::{Taken, take},
    prompt::{messages, schema},
};
use crate::{
    model::{ModelAnswer, Utterance},
    surgery::{Library, Surgery},
};

/// What every degraded answer tells the team.
const ALONE: &str = "The language model is not available; the rule engine works alone.";

/// The phase.
#[derive(Debug)]
pub struct Llm {
    model: Option<Arc<dyn ChatModel>>,
    library: Library,
    patience: Duration,
    max_tokens: u32,
}

impl Llm {
    /// A phase that asks this model, or none.
    #[must_use]
    pub fn new(
        model: Option<Arc<dyn ChatModel>>,
        library: Library,
        patience: Duration,
        max_tokens: u32,
    ) -> Self {
        Self { model, library, patience, max_tokens }
    }

    /// Asks the model about an utterance. Never fails: see [`ModelAnswer::degraded`]. The second figure is how much of the
    /// answer could not be used.
    pub async fn ask(&self, utterance: &Utterance, cancel: &CancellationToken) -> (ModelAnswer, usize) {
        let began = Instant::now();
        let taken = match self.library.get(&utterance.surgery) {
            Some(surgery) => self.asked(surgery, utterance, cancel).await,
            None => Err(format!("there is no surgery '{}' here", utterance.surgery)),
        };
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match taken {
            Ok(Taken { answer, dropped }) => (ModelAnswer { took_ms, ..answer }, dropped),
            Err(why) => {
                tracing::warn!(theatre = %utterance.theatre, seq = utterance.seq, %why, "no model answered");
                (ModelAnswer { took_ms, ..degraded(&why) }, 0)
            }
        }
    }

    async fn asked(
        &self,
        surgery: &Surgery,
        utterance: &Utterance,
        cancel: &CancellationToken,
    ) -> Result<Taken, String> {
        let model = self.model.as_ref().ok_or("no model is set up (option `chat`)")?;
        let request = ChatRequest {
            messages: messages(surgery, utterance),
            schema: Some(schema(surgery)),
            max_tokens: self.max_tokens,
            temperature: 0.1,
            timeout: self.patience,
        };
        // A model of any kind is held to the patience, whatever it makes of the request's own timeout.
        let reply = timeout(self.patience, model.chat(&request, cancel)).await;
        let reply = reply.map_err(|_| format!("it did not answer within {:?}", self.patience))?;
        let reply = reply.map_err(|error| error.to_string())?;
        take(&reply.text, surgery, utterance).map_err(|error| match reply.cut_off {
            true => format!("{error}: it was cut off after {} tokens", self.max_tokens),
            false => error.to_string(),
        })
    }
}

/// An answer that claims nothing and says why.
fn degraded(why: &str) -> ModelAnswer {
    ModelAnswer {
        reasoning: format!("LLM degraded: {why}"),
        suggestions: vec![ALONE.to_owned()],
        degraded: true,
        ..ModelAnswer::default()
    }
}

impl Phase for Llm {
    const NAME: &'static str = "llm";
    type Input = Utterance;
    type Output = ModelAnswer;

    async fn run(&self, ctx: Context, utterance: Utterance) -> Result<Success<ModelAnswer>, PhaseError> {
        let cancel = CancellationToken::new();
        let (answer, dropped) = tokio::select! {
            biased;
            () = ctx.cancelled() => {
                cancel.cancel();
                return Err(PhaseError::Cancelled);
            }
            answered = self.ask(&utterance, &cancel) => answered,
        };
        let stats = json!({
            "degraded": answer.degraded, "confidence": answer.confidence, "tookMs": answer.took_ms,
            "toggles": answer.toggles.len(), "suggestions": answer.suggestions.len(), "dropped": dropped,
        });
        Ok(Success::new(answer).stats(stats))
    }
}
