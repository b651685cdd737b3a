//! People's answers: from where they come, to which field each belongs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, AskedField, beads::Issue, ticket_id};
use crate::{
    comparison::field::Field,
    records::compared::{HumanResolution, TicketAnswer},
    resolution::{
        Answers,
        answer::{AnswerError, check},
    },
};

/// An answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// No ticket has this id.
    #[error("unknown-ticket: there is no ticket `{0}`")]
    UnknownTicket(String),
    /// The word after `RESOLUTION:` is none of the four.
    #[error("unknown-resolution: `{word}` in ticket `{ticket}` is none of accept_a, accept_b, merge, manual")]
    UnknownResolution {
        /// Which.
        ticket: String,
        /// What stands there.
        word: String,
    },
    /// It does not fit what is asked.
    #[error("invalid-answer: ticket `{ticket}`: {source}")]
    Invalid {
        /// Which.
        ticket: String,
        /// Why.
        source: AnswerError,
    },
    /// The artifact is no answer.
    #[error("unreadable-answer: `{name}`: {why}")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}

/// Reads the answer in an issue's comments: the last comment that begins with `RESOLUTION:`, with the text in the lines below.
///
/// # Errors
/// [`BadAnswer::UnknownResolution`].
pub fn in_comments(issue: &Issue) -> Result<Option<TicketAnswer>, BadAnswer> {
    for comment in issue.comments.iter().rev() {
        let text = comment.text.trim_start();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let Some((key, word)) = first.split_once(':') else { continue };
        if !key.trim().eq_ignore_ascii_case("resolution") {
            continue;
        }
        let word = word.trim();
        let resolution = match word.to_lowercase().replace(['-', ' '], "_").as_str() {
            "accept_a" => HumanResolution::AcceptA,
            "accept_b" => HumanResolution::AcceptB,
            "merge" => HumanResolution::Merge,
            "manual" => HumanResolution::Manual,
            _ => {
                let ticket = issue.id.clone();
                return Err(BadAnswer::UnknownResolution { ticket, word: word.to_owned() });
            }
        };
        let (text, by) = (rest.trim().to_owned(), comment.author.clone());
        return Ok(Some(TicketAnswer { resolution, text, by }));
    }
    Ok(None)
}

/// Checks an answer against the ticket that it is for.
///
/// # Errors
/// Where there is no such ticket, or what is answered is not what it asks for.
pub fn checked(issues: &[Issue], ticket: &str, answer: &TicketAnswer) -> Result<(), BadAnswer> {
    let asked = asked_by(issues, ticket).ok_or_else(|| BadAnswer::UnknownTicket(ticket.to_owned()))?;
    let invalid = |source| BadAnswer::Invalid { ticket: ticket.to_owned(), source };
    let questions: BTreeSet<String> = asked.iter().map(|it| ticket_id(&it.component_id, &it.field)).collect();
    if questions.len() > 1 && answer.resolution == HumanResolution::Manual {
        return Err(invalid(AnswerError::ManualForGroup));
    }
    let fields = asked.iter().filter_map(|it| it.field.parse::<Field>().ok());
    fields.into_iter().try_for_each(|it| check(&it, answer)).map_err(invalid)
}

/// What a ticket asks for: an issue's own fields, or one of those that a ticket for several holds, by the id that it has alone.
#[must_use]
pub fn asked_by(issues: &[Issue], ticket: &str) -> Option<Vec<AskedField>> {
    let all = || issues.iter().filter_map(|issue| Some((issue, Asked::of(issue)?)));
    let whole = all().find(|it| it.0.id == ticket).map(|it| it.1.fields);
    let alone = || -> Vec<AskedField> {
        let fields = all().flat_map(|it| it.1.fields);
        fields.filter(|it| ticket_id(&it.component_id, &it.field) == ticket).collect()
    };
    whole.or_else(|| Some(alone()).filter(|it| !it.is_empty()))
}

/// The answers by the ticket of a single field: an answer to a ticket for several is one to each of them. An answer to a ticket that
/// is not there may be to one that will be: ids are the same in every job.
#[must_use]
pub fn by_field(issues: &[Issue], answers: &Answers) -> Answers {
    let mut all: Answers = BTreeMap::new();
    for issue in issues {
        let (Some(answer), Some(asked)) = (answers.get(&issue.id), Asked::of(issue)) else { continue };
        for it in asked.fields {
            all.insert(ticket_id(&it.component_id, &it.field), answer.clone());
        }
    }
    // What is said of one field alone counts more than what is said of many.
    all.extend(answers.clone());
    all
}

#[cfg(test)]
mod tests {
    use super::{BadAnswer, in_comments};
    use crate::{
        records::compared::HumanResolution,
        tickets::beads::{Comment, Issue},
    };

    fn said(texts: &[&str]) -> Issue {
        let comment =
            |text: &&str| Comment { text: (*text).to_owned(), author: "ann".into(), ..Comment::default() };
        Issue { id: "bd-1".into(), comments: texts.iter().map(comment).collect(), ..Issue::default() }
    }

    #[test]
    fn the_last_resolution_in_the_comments_counts_whatever_its_case() {
        let issue =
            said(&["RESOLUTION: accept_a", "resolution: Manual\nReads a file.\nThen closes it.", "thanks"]);
        let answer = in_comments(&issue).expect("it fits").expect("there is one");
        assert_eq!(answer.resolution, HumanResolution::Manual);
        assert_eq!((&*answer.text, &*answer.by), ("Reads a file.\nThen closes it.", "ann"));
        assert_eq!(in_comments(&said(&["what is this?"])), Ok(None));
        let wrong = in_comments(&said(&["RESOLUTION: accept_c"]));
        assert!(matches!(wrong, Err(BadAnswer::UnknownResolution { word, .. }) if word == "accept_c"));
    }
}
