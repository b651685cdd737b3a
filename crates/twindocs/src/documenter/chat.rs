//! An author that asks a language model: one question for a component, one more where the answer cannot be used, the same again
//! where the server is busy or broken. What it costs is counted and held to the budget before anything is asked.

mod answer;
mod prompt;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use providers::{ChatMessage, ChatModel, ChatReply, ChatRequest, ChatRole, ProviderError};

use super::{
    assignment::{Assignment, Written},
    engine::{Desk, Outcome, Unwritten},
    material::Material,
    purse::{Prices, tokens_of},
};
use crate::records::documented::Spent;

/// Components that fail one after the other before the rest is not asked any more: a server that is down stays down.
const MOST_IN_A_ROW: usize = 20;
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Longest pause that a server may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(300);
/// Tokens of an answer, as a dry run guesses.
const USUAL_ANSWER: u64 = 400;

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// What it costs.
    pub prices: Prices,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
    /// When a question is given up.
    pub patience: Duration,
    /// How often a question is asked, at most.
    pub tries: u32,
    /// The first pause between two tries; each is twice as long as the one before.
    pub pause: Duration,
    /// Whether it takes over the other stream's words where both are right.
    pub yields: bool,
}

/// The author.
pub struct ChatAuthor {
    model: Arc<dyn ChatModel>,
    manner: Manner,
    failing: AtomicUsize,
}

impl fmt::Debug for ChatAuthor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatAuthor").field("model", &self.model.name()).finish_non_exhaustive()
    }
}

impl ChatAuthor {
    /// Asks this model in this manner.
    #[must_use]
    pub fn new(model: Arc<dyn ChatModel>, manner: Manner) -> Self {
        Self { model, manner, failing: AtomicUsize::new(0) }
    }

    /// Returns what its texts depend on besides the assignment.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let Manner { max_tokens, yields, .. } = self.manner;
        format!("chat {} {} {max_tokens} {yields}", prompt::VERSION, self.model.fingerprint())
    }

    /// A run begins: what failed before says nothing of it.
    pub fn begin(&self) {
        self.failing.store(0, Ordering::Relaxed);
    }

    /// Guesses what a component will use, without asking.
    #[must_use]
    pub fn estimate(&self, task: &Assignment) -> Spent {
        let question = question_tokens(&prompt::messages(task, self.manner.yields));
        self.manner.prices.of(question, USUAL_ANSWER.min(self.manner.max_tokens.into()))
    }

    /// Writes.
    pub async fn write(&self, task: &Assignment, material: &Material, desk: &Desk) -> Outcome {
        let mut spent = Spent::default();
        let written = self.written(task, material, desk, &mut spent).await;
        match &written {
            Ok(_) | Err(Unwritten::Component { code: "invalid-answer", .. }) => self.begin(),
            Err(Unwritten::Component { code: "model-failed", .. }) => {
                self.failing.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        (written, spent)
    }

    async fn written(
        &self,
        task: &Assignment,
        material: &Material,
        desk: &Desk,
        spent: &mut Spent,
    ) -> Result<Written, Unwritten> {
        if self.failing.load(Ordering::Relaxed) >= MOST_IN_A_ROW {
            let message =
                format!("not asked: {MOST_IN_A_ROW} components before it failed one after the other");
            return Err(Unwritten::Component { code: "model-failed", message });
        }
        let mut messages = prompt::messages(task, self.manner.yields);
        let known = |id: &str| material.component(id).is_some();
        let reply = self.ask(task, &messages, desk, spent).await?;
        let wrong = match answer::read(&reply.text, task, &reply.model, known) {
            Ok(written) => return Ok(written),
            Err(wrong) => self.with_cut(wrong, &reply),
        };
        messages.push(ChatMessage { role: ChatRole::Assistant, content: reply.text });
        messages.push(ChatMessage::user(format!(
            "This answer cannot be used: {wrong}. Answer again with the whole object, put right, and nothing else."
        )));
        let reply = self.ask(task, &messages, desk, spent).await?;
        answer::read(&reply.text, task, &reply.model, known).map_err(|wrong| Unwritten::Component {
            code: "invalid-answer",
            message: format!("two answers could not be used: {}", self.with_cut(wrong, &reply)),
        })
    }

    fn with_cut(&self, wrong: String, reply: &ChatReply) -> String {
        match reply.cut_off {
            true => format!("{wrong} (it was cut off after {} tokens)", self.manner.max_tokens),
            false => wrong,
        }
    }

    /// Asks until there is an answer, tries are used up, or it makes no sense to go on.
    async fn ask(
        &self,
        task: &Assignment,
        messages: &[ChatMessage],
        desk: &Desk,
        spent: &mut Spent,
    ) -> Result<ChatReply, Unwritten> {
        let request = ChatRequest {
            messages: messages.to_vec(),
            schema: Some(prompt::schema()),
            max_tokens: self.manner.max_tokens,
            temperature: 0.0,
            timeout: self.manner.patience,
        };
        let name = &task.facts.id;
        ask(&*self.model, &self.manner, (name, &request), desk, spent).await
    }
}

/// Tokens of a talk, where no server has counted them yet.
pub(crate) fn question_tokens(messages: &[ChatMessage]) -> u64 {
    messages.iter().map(|message| tokens_of(&message.content) + 4).sum()
}

/// Asks one question, within budget and patience; `name` is what it is about.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn ask(
    model: &dyn ChatModel,
    manner: &Manner,
    (name, request): (&str, &ChatRequest),
    desk: &Desk,
    spent: &mut Spent,
) -> Result<ChatReply, Unwritten> {
    let question = question_tokens(&request.messages);
    let most = manner.prices.of(question, manner.max_tokens.into());
    for try_number in 1.. {
        let aside = tokio::select! {
            () = desk.cancel.cancelled() => return Err(Unwritten::Cancelled),
            aside = desk.purse.set_aside(most) => aside,
        };
        let aside = aside
            .map_err(|error| Unwritten::Component { code: "over-budget", message: error.to_string() })?;
        let error = match model.chat(request, &desk.cancel).await {
            Ok(reply) => {
                let answer = reply.completion_tokens.unwrap_or_else(|| tokens_of(&reply.text));
                let used = manner.prices.of(reply.prompt_tokens.unwrap_or(question), answer);
                aside.used(used);
                spent.add(used);
                return Ok(reply);
            }
            Err(error) => error,
        };
        drop(aside);
        if try_number >= manner.tries || !error.is_retryable() {
            return Err(given_up(&error, try_number));
        }
        tracing::debug!(component = name, try_number, code = error.code(), "the model is asked again");
        tokio::select! {
            () = desk.cancel.cancelled() => return Err(Unwritten::Cancelled),
            () = tokio::time::sleep(pause(manner, name, try_number, &error)) => {}
        }
    }
    Err(Unwritten::Cancelled)
}

fn given_up(error: &ProviderError, tries: u32) -> Unwritten {
    match error {
        ProviderError::Cancelled => Unwritten::Cancelled,
        // As true of the next component as of this one.
        ProviderError::Unauthorized { .. }
        | ProviderError::Misconfigured { .. }
        | ProviderError::Missing { .. } => {
            Unwritten::Stream { code: error.code(), message: error.to_string() }
        }
        error => {
            let message = format!("asked {tries} times: {error}");
            Unwritten::Component { code: "model-failed", message }
        }
    }
}

/// Doubling, between half and the whole of it, so that those who failed together do not come back together. The spread is made of
/// the component's name: the same in every run.
fn pause(manner: &Manner, name: &str, tries: u32, error: &ProviderError) -> Duration {
    let doubled = manner.pause.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_PAUSE);
    let spread = blake3::hash(format!("{name} {tries}").as_bytes()).as_bytes()[0];
    let own = doubled.mul_f64(0.5 + f64::from(spread) / 512.0);
    own.max(error.retry_after().unwrap_or_default().min(LONGEST_WISH))
}
