//! Conditions: the small expressions of a pipeline (`when`, `gate`, `until`, `map.over`, keys), written in CEL.
//!
//! A condition is compiled once, when its pipeline is read, and knows which names it refers to, so that only those payloads
//! are parsed when it is evaluated. Evaluation has no side effects and no loops beyond CEL's bounded macros.

use std::{fmt, sync::Arc};

use cel::{Context, ExecutionError, Program, Value, extractors::This};

use crate::payload::Payload;

/// The longest condition, in bytes.
pub const MAX_CONDITION_LEN: usize = 2_000;

/// A compiled CEL expression.
pub struct Condition {
    source: String,
    program: Program,
    references: Vec<String>,
}

/// Why an expression could not be evaluated. Not the same as false.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the expression '{source_text}' could not be evaluated: {message}")]
pub struct EvaluationError {
    /// The expression.
    pub source_text: String,
    /// What went wrong.
    pub message: String,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidExpression {
    /// In one line.
    pub message: String,
    /// The character where it goes wrong, from 1, if that is known.
    pub column: Option<usize>,
}

impl InvalidExpression {
    /// Takes the parser's message apart: `ERROR: <input>:1:29: Syntax error: mismatched input '<EOF>' expecting {…}`.
    fn read(said: &str, source: &str) -> Self {
        let line = said.lines().next().unwrap_or_default();
        let mut parts = line.trim_start_matches("ERROR: <input>:").splitn(3, ':');
        let place =
            (parts.next().and_then(|row| row.parse().ok()), parts.next().and_then(|c| c.parse().ok()));
        let (Some(1usize), Some(column)) = place else {
            return Self { message: "this is not a CEL expression".to_owned(), column: None };
        };
        let rest = parts.next().unwrap_or_default();
        let (what, _) = rest.split_once(" expecting ").unwrap_or((rest, ""));
        let what = what.trim().trim_start_matches("Syntax error: ");
        let at_end = what.contains("<EOF>") || column > source.chars().count();
        let message = match at_end {
            true if source.trim().is_empty() => "the expression is empty".to_owned(),
            true => "the expression is not complete".to_owned(),
            false => format!("the expression can't be read from here: {what}"),
        };
        Self { message, column: Some(column).filter(|&column| column > 0) }
    }
}

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn compile(source: &str) -> Result<Self, InvalidExpression> {
        if source.len() > MAX_CONDITION_LEN {
            let message = format!("the expression is longer than {MAX_CONDITION_LEN} bytes");
            return Err(InvalidExpression { message, column: None });
        }
        let program = Program::compile(source)
            .map_err(|errors| InvalidExpression::read(&errors.to_string(), source))?;
        let mut references: Vec<String> =
            program.references().variables().iter().map(|&name| name.to_owned()).collect();
        references.retain(|name| !is_bound(source, name));
        references.sort_unstable();
        Ok(Self { source: source.to_owned(), program, references })
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names that the expression refers to (`input`, `item`, phases), sorted.
    #[must_use]
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// Evaluates to true or false.
    ///
    /// # Errors
    /// [`EvaluationError`] where a name or field is missing, types do not fit, or the result is not a boolean.
    pub fn holds(&self, lookup: &dyn Fn(&str) -> Option<serde_json::Value>) -> Result<bool, EvaluationError> {
        match self.evaluate(lookup)? {
            Value::Bool(value) => Ok(value),
            other => Err(self.error(format!("it gives {}, not true or false", other.type_of()))),
        }
    }

    /// Evaluates to a list of payloads.
    ///
    /// # Errors
    /// [`EvaluationError`] where it cannot be evaluated or does not give a list.
    pub fn list(
        &self,
        lookup: &dyn Fn(&str) -> Option<serde_json::Value>,
    ) -> Result<Vec<Payload>, EvaluationError> {
        let value = self.evaluate(lookup)?;
        let json = value.json().map_err(|error| self.error(error.to_string()))?;
        match json {
            serde_json::Value::Array(items) => Ok(items.iter().map(Payload::from_value).collect()),
            _ => Err(self.error(format!("it gives {}, not a list", value.type_of()))),
        }
    }

    /// Evaluates to a text; numbers and booleans are written as text.
    ///
    /// # Errors
    /// [`EvaluationError`] where it cannot be evaluated.
    pub fn text(
        &self,
        lookup: &dyn Fn(&str) -> Option<serde_json::Value>,
    ) -> Result<String, EvaluationError> {
        match self.evaluate(lookup)? {
            Value::String(text) => Ok(text.to_string()),
            other => other.json().map(|json| json.to_string()).map_err(|error| self.error(error.to_string())),
        }
    }

    fn evaluate(&self, lookup: &dyn Fn(&str) -> Option<serde_json::Value>) -> Result<Value, EvaluationError> {
        let mut context = Context::default();
        context.add_function("split", split).map_err(|error| self.error(error.to_string()))?;
        for name in &self.references {
            if let Some(value) = lookup(name) {
                context.add_variable_from_value(name.clone(), to_cel(&value));
            }
        }
        self.program.execute(&context).map_err(|error| self.error(in_words(&error)))
    }

    fn error(&self, message: String) -> EvaluationError {
        EvaluationError { source_text: self.source.clone(), message }
    }
}

/// What went wrong, without the values that it went wrong with: those are somebody's data, may be long, and a map of them is
/// written in another order each time.
fn in_words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) => format!("there is no '{name}'"),
        ExecutionError::UndeclaredReference(name) => format!("nothing is called '{name}'"),
        ExecutionError::UnexpectedType { got, want } => format!("{want} is wanted, and there is {got}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} arguments and was given {actual}")
        }
        ExecutionError::NotSupportedAsMethod { method, target } => {
            format!("{} has no '{method}'", target.type_of())
        }
        ExecutionError::ValuesNotComparable(one, other) => {
            format!("{} and {} can't be compared", one.type_of(), other.type_of())
        }
        ExecutionError::UnsupportedBinaryOperator(operator, one, other) => {
            format!("'{operator}' does not take {} and {}", one.type_of(), other.type_of())
        }
        ExecutionError::UnsupportedIndex(index, of) => {
            format!("{} is no index of {}", index.type_of(), of.type_of())
        }
        ExecutionError::UnsupportedKeyType(key) => format!("{} is no key", key.type_of()),
        ExecutionError::UnsupportedTargetType { target } => {
            format!("a function does not take {}", target.type_of())
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(operator, ..) => format!("'{operator}' gives a number that is too large"),
        ExecutionError::IndexOutOfBounds(_) => "a list has no such item".to_owned(),
        ExecutionError::DuplicateKey(_) => "a map has the same key twice".to_owned(),
        ExecutionError::MissingArgumentOrTarget => "a function lacks an argument".to_owned(),
        ExecutionError::NoSuchOverload(_) => {
            "an operator or function does not take values of these types".to_owned()
        }
        ExecutionError::FunctionError { function, .. } => format!("'{function}' failed"),
        _ => "it can't be computed".to_owned(),
    }
}

/// `text.split(separator)`, as in the extension of CEL for texts, which our crate has not.
fn split(This(text): This<Arc<String>>, separator: Arc<String>) -> Value {
    let parts = text.split(separator.as_str()).map(|part| Value::String(Arc::new(part.to_owned())));
    Value::List(Arc::new(parts.collect()))
}

/// Whether a macro of the expression binds the name: `list.filter(name, …)`.
fn is_bound(source: &str, name: &str) -> bool {
    ["all(", "exists(", "exists_one(", "filter(", "map("].iter().any(|word| {
        source.split(word).skip(1).any(|behind| {
            let rest = behind.trim_start().strip_prefix(name).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(','))
        })
    })
}

/// JSON as CEL sees it. Whole numbers become `int` wherever they fit, since literals in expressions are `int`.
#[expect(clippy::disallowed_types, reason = "the map type that CEL takes; its order is never looked at")]
fn to_cel(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(uint)) => Value::UInt(uint),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(to_cel).collect())),
        serde_json::Value::Object(fields) => {
            let map: std::collections::HashMap<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), to_cel(value))).collect();
            map.into()
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.source)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(source: &str) -> Result<bool, EvaluationError> {
        let grammar =
            json!({"output": {"open": 2, "seeds": ["a", "b"]}, "stats": {"deletionRate": 0, "rate": 0.19}});
        Condition::compile(source).unwrap().holds(&|name| (name == "grammar").then(|| grammar.clone()))
    }

    #[test]
    fn numbers_compare_across_their_types() {
        assert_eq!(holds("grammar.stats.deletionRate < 0.2"), Ok(true));
        assert_eq!(holds("grammar.stats.rate < 0.2"), Ok(true));
        assert_eq!(holds("grammar.output.open + 1 <= 2"), Ok(false));
        assert_eq!(holds("size(grammar.output.seeds) == 2"), Ok(true));
        assert_eq!(holds("grammar.output.seeds.exists(one, one == 'b')"), Ok(true));
    }

    #[test]
    fn an_expression_that_cannot_be_evaluated_is_not_false() {
        assert!(holds("grammar.stats.missing < 1").is_err());
        assert!(holds("nobody.output").is_err());
        assert!(holds("grammar.output.open").is_err());
        assert_eq!(holds("has(grammar.stats.missing)"), Ok(false));
    }

    #[test]
    fn what_went_wrong_is_said_without_the_values_it_went_wrong_with() {
        let data = json!({"a": "private", "b": "private", "c": [1], "d": {}});
        for source in [
            "1 + input",
            "input < 2",
            "input.c[input]",
            "input.a.b",
            "size(3)",
            "input.c[7]",
            "1 / 0",
            "-input",
        ] {
            let wrong = || {
                Condition::compile(source)
                    .unwrap()
                    .text(&|name| (name == "input").then(|| data.clone()))
                    .unwrap_err()
            };
            let said = wrong();
            assert_eq!(said, wrong(), "{source}: the same each time");
            assert!(!said.message.contains("private") && said.message.len() < 80, "{source}: {said}");
        }
    }

    #[test]
    fn a_bad_expression_does_not_compile() {
        assert!(Condition::compile("grammar.stats.").is_err());
        assert!(Condition::compile(&"a".repeat(MAX_CONDITION_LEN + 1)).is_err());
    }
}
