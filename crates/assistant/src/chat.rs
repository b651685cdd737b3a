//! Answers a message: what is remembered about it goes to a language model, and the model's answer comes back.
//!
//! Without a model the answer is what is remembered, and says that nobody wrote it. While a model is asked nothing is lost by
//! asking it again later: whoever wants the slot gets it at once, and the checkpoint is what was recalled. An answer that is
//! streamed to others (phase `stream`) is given to its end.

use std::{sync::Arc, time::Duration};

use phase_kit::{Context, Phase, PhaseError, Success};
use providers::{CancellationToken, ChatMessage, ChatModel, ChatRequest, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{memory::Memory, search::search};

/// Items that a model is told of.
const RECALLED: usize = 5;
/// Longest answer, in tokens.
const MOST_TOKENS: u32 = 1_024;
/// How long a model may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// What a model is told first.
const INSTRUCTIONS: &str = "You are a personal assistant. Answer briefly and in the language of the message. \
    What the person asked you to remember earlier follows, where anything fits; do not invent more.";

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
pub struct Asked {
    /// In the person's words.
    pub message: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The text.
    pub answer: String,
    /// `model`, or `recall` where nobody wrote it.
    pub by: String,
    /// Which model, as its server names it.
    pub model: Option<String>,
    /// What was recalled.
    pub recalled: Vec<Recalled>,
}

/// An item that fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// Its id.
    pub id: String,
    /// What was remembered.
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    recalled: Vec<Recalled>,
}

/// Who answers.
#[derive(Debug, Clone)]
pub struct Answerer {
    memory: Arc<Memory>,
    model: Option<Arc<dyn ChatModel>>,
}

impl Answerer {
    /// With a memory, and a model where there is one.
    #[must_use]
    pub fn new(memory: Arc<Memory>, model: Option<Arc<dyn ChatModel>>) -> Self {
        Self { memory, model }
    }

    async fn answer(
        &self,
        ctx: &Context,
        asked: &Asked,
        may_pause: bool,
    ) -> Result<Success<Answered>, PhaseError> {
        let recalled = match ctx.checkpoint::<Checkpoint>()? {
            Some(before) => before.recalled,
            None => self.recall(asked.message.clone()).await?,
        };
        ctx.progress(1, 2, "steps", "recalled what fits");
        let Some(model) = &self.model else { return Ok(from_recall(recalled)) };
        let request = request(asked, &recalled);
        let cancel = CancellationToken::new();
        let reply = tokio::select! {
            reply = model.chat(&request, &cancel) => reply.map_err(|error| phase_error(&error))?,
            () = ctx.cancelled() => return Err(PhaseError::Cancelled),
            () = ctx.pausing(), if may_pause => return Err(PhaseError::paused(&Checkpoint { recalled })),
        };
        let stats = json!({ "promptTokens": reply.prompt_tokens, "completionTokens": reply.completion_tokens,
                            "cutOff": reply.cut_off });
        let by = "model".to_owned();
        let answered = Answered { answer: reply.text, by, model: Some(reply.model), recalled };
        Ok(Success::new(answered).stats(stats))
    }

    async fn recall(&self, message: String) -> Result<Vec<Recalled>, PhaseError> {
        let found = self.memory.with(move |store| {
            let hits = search(store.items(), &message, RECALLED);
            let recalled = |hit: &crate::search::Hit<'_>| Recalled {
                id: hit.item.id.clone(),
                text: hit.item.text.clone(),
            };
            Ok(hits.iter().map(recalled).collect())
        });
        found.await
    }
}

fn request(asked: &Asked, recalled: &[Recalled]) -> ChatRequest {
    let mut instructions = INSTRUCTIONS.to_owned();
    for item in recalled {
        instructions.push_str("\n- ");
        instructions.push_str(&item.text);
    }
    ChatRequest {
        messages: vec![ChatMessage::system(instructions), ChatMessage::user(&asked.message)],
        schema: None,
        max_tokens: MOST_TOKENS,
        temperature: 0.3,
        timeout: PATIENCE,
    }
}

/// The answer where there is no model: plainly not one.
fn from_recall(recalled: Vec<Recalled>) -> Success<Answered> {
    let mut answer = "No language model is set up, so nobody answers this. ".to_owned();
    answer.push_str(match recalled.is_empty() {
        true => "Nothing that is remembered has a word of it.",
        false => "What is remembered about it:",
    });
    for item in &recalled {
        answer.push_str("\n- ");
        answer.push_str(&item.text);
    }
    Success::new(Answered { answer, by: "recall".to_owned(), model: None, recalled })
}

fn phase_error(error: &ProviderError) -> PhaseError {
    match error {
        ProviderError::Cancelled => PhaseError::Cancelled,
        error if error.is_retryable() => PhaseError::retry(error.code(), error.to_string()),
        error => PhaseError::permanent(error.code(), error.to_string()),
    }
}

/// An answer that can wait.
#[derive(Debug)]
pub struct Chat(pub Answerer);

impl Phase for Chat {
    const NAME: &'static str = "chat";
    type Input = Asked;
    type Output = Answered;

    async fn run(&self, ctx: Context, asked: Asked) -> Result<Success<Answered>, PhaseError> {
        self.0.answer(&ctx, &asked, true).await
    }
}

/// An answer that others listen to.
#[derive(Debug)]
pub struct Stream(pub Answerer);

impl Phase for Stream {
    const NAME: &'static str = "stream";
    type Input = Asked;
    type Output = Answered;

    async fn run(&self, ctx: Context, asked: Asked) -> Result<Success<Answered>, PhaseError> {
        self.0.answer(&ctx, &asked, false).await
    }
}
