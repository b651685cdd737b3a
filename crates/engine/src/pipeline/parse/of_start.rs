//! Reads what must hold of a start: `[[check]]`.

use toml::Spanned;

use super::{Finding, Reader, hint};
use crate::pipeline::{
    check::{Check, MAX_CHECKS, NAMES},
    raw::{RawCheck, RawPipeline},
};

/// What CEL calls its types: `type(input.seeds) == list`.
const TYPES: [&str; 8] = ["bool", "double", "int", "list", "map", "null_type", "string", "uint"];
/// Longest text for people, in characters.
const MAX_MESSAGE: usize = 500;

impl Reader<'_> {
    pub(super) fn checks(&mut self, raw: &[Spanned<RawCheck>]) -> Vec<Check> {
        if let Some(one_too_many) = raw.get(MAX_CHECKS) {
            let message = format!("a pipeline has at most {MAX_CHECKS} checks");
            self.finding(one_too_many.span(), message, "several conditions can be one, with &&");
        }
        raw.iter().filter_map(|raw| self.check(raw.get_ref())).collect()
    }

    fn check(&mut self, raw: &RawCheck) -> Option<Check> {
        let that = self.condition(&raw.that);
        let strange = that
            .iter()
            .flat_map(|that| that.references())
            .find(|name| !NAMES.contains(&name.as_str()) && !TYPES.contains(&name.as_str()));
        if let Some(name) = strange {
            let message = format!("'{name}' is not known when a job is started");
            self.finding(raw.that.span(), message, "a check may refer to key and input");
        }
        let at = raw.at.as_ref().map_or("", |at| at.get_ref());
        if !at.is_empty() && !at.starts_with('/') {
            let span = raw.at.as_ref().map_or(0..0, Spanned::span);
            self.finding(span, format!("'{at}' is no JSON pointer"), "such as /totalSeeds");
        }
        let code = raw.code.get_ref();
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if code.is_empty() || !code.bytes().all(letter) {
            self.finding(raw.code.span(), format!("'{code}' is no code"), "codes are such as invalid-field");
        }
        let message = raw.message.get_ref();
        let in_one_line = !message.trim().is_empty() && !message.chars().any(char::is_control);
        if !in_one_line || message.chars().count() > MAX_MESSAGE {
            let wrong = format!("a message is one line of at most {MAX_MESSAGE} characters");
            self.finding(raw.message.span(), wrong, "say what is expected");
        }
        Some(Check { that: that?, at: at.to_owned(), code: code.clone(), message: message.clone() })
    }
}

/// The places where the checks of a text answer with codes that are not among those known.
pub(in crate::pipeline) fn unknown_codes(text: &str, known: &[&str]) -> Vec<Finding> {
    let mut reader = Reader { text, findings: Vec::new() };
    let Ok(raw) = toml::from_str::<RawPipeline>(text) else { return Vec::new() };
    for check in raw.check.iter().map(Spanned::get_ref) {
        let code = check.code.get_ref();
        if known.contains(&code.as_str()) {
            continue;
        }
        let hint = match hint::nearest(code, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the codes are {}", known.join(", ")),
        };
        reader.finding(check.code.span(), format!("there is no code '{code}' for a start"), hint);
    }
    reader.findings
}
