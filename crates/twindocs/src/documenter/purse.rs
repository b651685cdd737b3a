//! What may be spent, held strictly: before a question is asked, the most that it can cost is set aside, so that questions that are
//! asked at the same time cannot overdraw together. What is set aside and not used comes back, and whoever waits for it goes on.

use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::Notify;

use crate::records::{documented::Spent, settings::Budget};

/// US dollars for a million tokens. Zero where nobody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Of questions.
    pub input: f64,
    /// Of answers.
    pub output: f64,
}

impl Prices {
    /// Returns what one question and its answer use.
    #[must_use]
    pub fn of(&self, question: u64, answer: u64) -> Spent {
        let usd = (question as f64 * self.input + answer as f64 * self.output) / 1e6;
        Spent { calls: 1, tokens: question + answer, usd }
    }
}

/// Tokens of a text where no server counts them: four letters each, as is usual.
#[must_use]
pub fn tokens_of(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

/// A part of the budget that several may draw from.
#[derive(Debug, Default)]
pub struct Purse {
    budget: Budget,
    state: Mutex<State>,
    back: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: Spent,
    aside: Spent,
}

/// The budget is used up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the budget is used up: {tokens} tokens and {usd:.4} USD are spent, of {of}")]
pub struct UsedUp {
    tokens: u64,
    usd: f64,
    of: String,
}

/// What is set aside for one question; comes back when it is dropped.
#[derive(Debug)]
pub struct Aside<'p> {
    purse: &'p Purse,
    most: Spent,
}

impl Purse {
    /// A share of a budget: each of `of` streams may spend as much as the others. `spent` is what it has spent already.
    #[must_use]
    pub fn share(budget: &Budget, of: usize, spent: Spent) -> Self {
        let of = of.max(1);
        let budget = Budget {
            tokens: budget.tokens.map(|tokens| tokens / of as u64),
            usd: budget.usd.map(|usd| usd / of as f64),
        };
        Self { budget, state: Mutex::new(State { spent, aside: Spent::default() }), back: Notify::new() }
    }

    /// Sets aside what a question can cost at most; waits where others have set aside what is left.
    ///
    /// # Errors
    /// Where it is more than is left.
    pub async fn set_aside(&self, most: Spent) -> Result<Aside<'_>, UsedUp> {
        loop {
            let back = self.back.notified();
            tokio::pin!(back);
            // Registered before looking, or what comes back in between is missed.
            back.as_mut().enable();
            {
                let mut state = self.state.lock();
                let mut with_others = state.spent;
                with_others.add(state.aside);
                if self.allows(with_others, most) {
                    state.aside.add(most);
                    return Ok(Aside { purse: self, most });
                }
                if !self.allows(state.spent, most) {
                    return Err(self.used_up(state.spent));
                }
            }
            back.await;
        }
    }

    /// Returns what was spent.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.state.lock().spent
    }

    fn allows(&self, spent: Spent, more: Spent) -> bool {
        self.budget.tokens.is_none_or(|most| spent.tokens + more.tokens <= most)
            && self.budget.usd.is_none_or(|most| spent.usd + more.usd <= most + 1e-9)
    }

    fn used_up(&self, spent: Spent) -> UsedUp {
        let tokens = self.budget.tokens.map(|tokens| format!("{tokens} tokens"));
        let usd = self.budget.usd.map(|usd| format!("{usd} USD"));
        let of = [tokens, usd].into_iter().flatten().collect::<Vec<_>>().join(" and ");
        UsedUp { tokens: spent.tokens, usd: spent.usd, of: format!("{of} for this stream") }
    }
}

impl Aside<'_> {
    /// Says what was used in the end.
    pub fn used(self, spent: Spent) {
        self.purse.state.lock().spent.add(spent);
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let mut state = self.purse.state.lock();
        state.aside.calls = state.aside.calls.saturating_sub(self.most.calls);
        state.aside.tokens = state.aside.tokens.saturating_sub(self.most.tokens);
        state.aside.usd = (state.aside.usd - self.most.usd).max(0.0);
        drop(state);
        self.purse.back.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(tokens: u64) -> Spent {
        Spent { calls: 1, tokens, usd: 0.0 }
    }

    #[tokio::test]
    async fn what_is_set_aside_by_one_is_waited_for_by_the_next_and_never_overdrawn() {
        let budget = Budget { tokens: Some(200), usd: None };
        let purse = Purse::share(&budget, 2, Spent::default());
        let first = purse.set_aside(tokens(60)).await.expect("there is enough");
        let second = purse.set_aside(tokens(60));
        tokio::pin!(second);
        assert!(futures::poll!(second.as_mut()).is_pending(), "60 of 100 are set aside");
        first.used(tokens(30));
        second.await.expect("70 are left").used(tokens(60));
        let error = purse.set_aside(tokens(11)).await.expect_err("10 are left");
        assert!(error.to_string().contains("90 tokens"), "{error}");
        assert_eq!(purse.spent().tokens, 90);
    }
}
