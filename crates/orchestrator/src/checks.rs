//! What is refused at a start because no service could do it: told to the caller at once instead of failing the job later.
//! What that is says the pipeline, in its `[[check]]`s.

use engine::pipeline::{Pipeline, parse::Finding};
use protocol::{Code, Problem};
use serde_json::value::RawValue;

/// The status of what is wrong with a start: the codes that a check may answer with are those that have it.
const WRONG_START: u16 = 422;

/// The places where a pipeline's checks answer with a code that is none.
#[must_use]
pub fn unknown_codes(pipeline: &Pipeline) -> Vec<Finding> {
    let of_starts = Code::all().filter(|code| code.status() == WRONG_START);
    pipeline.unknown_codes(&of_starts.map(Code::as_str).collect::<Vec<_>>())
}

/// Checks the input of a start.
///
/// # Errors
/// The problem, with its place.
pub fn input(pipeline: &Pipeline, key: &str, input: &RawValue) -> Result<(), Problem> {
    if !input.get().starts_with('{') {
        return Err(Problem::field("/input", "the input is an object"));
    }
    if pipeline.checks.is_empty() {
        return Ok(());
    }
    let value: serde_json::Value = serde_json::from_str(input.get())
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    let Some(refusal) = pipeline.refuses(key, &value) else { return Ok(()) };
    let (check, error) = (refusal.check, refusal.error);
    // Pipelines with other codes are refused when they are read.
    let code = Code::from_name(&check.code).unwrap_or(Code::InvalidField);
    let problem = Problem::new(code, &*check.message).pointer(&*check.at);
    Err(match error {
        Some(error) => problem.hint(error.to_string()),
        None => problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code and pointer of the problem with a start of the course that is shipped.
    fn refused(key: &str, body: &str) -> Option<(Code, Option<String>)> {
        let course = Pipeline::parse(include_str!("../../../pipelines/course.toml")).unwrap();
        let body = RawValue::from_string(body.to_owned()).unwrap();
        input(&course, key, &body).err().map(|problem| (problem.code, problem.pointer))
    }

    #[test]
    fn of_a_course_what_no_service_could_make_is_refused() {
        let many = format!("{{\"seeds\": [{}1]}}", "1,".repeat(5_000));
        for (key, body, code, pointer) in [
            ("klingon", "{}", Code::UnsupportedLanguage, "/courseCode"),
            ("spa_for_spa", "{}", Code::UnsupportedLanguage, "/courseCode"),
            ("Spa_for_eng", "{}", Code::UnsupportedLanguage, "/courseCode"),
            ("spa_for_eng", r#"{"totalSeeds": 0}"#, Code::EmptySeeds, "/totalSeeds"),
            ("spa_for_eng", r#"{"totalSeeds": 5001}"#, Code::TooManySeeds, "/totalSeeds"),
            ("spa_for_eng", r#"{"totalSeeds": "many"}"#, Code::InvalidField, "/totalSeeds"),
            ("spa_for_eng", r#"{"totalSeeds": 1.5}"#, Code::InvalidField, "/totalSeeds"),
            ("spa_for_eng", r#"{"totalSeeds": -1}"#, Code::InvalidField, "/totalSeeds"),
            ("spa_for_eng", r#"{"seeds": []}"#, Code::EmptySeeds, "/seeds"),
            ("spa_for_eng", r#"{"seeds": "some"}"#, Code::InvalidField, "/seeds"),
            ("spa_for_eng", &many, Code::TooManySeeds, "/seeds"),
            ("spa_for_eng", "[]", Code::InvalidField, "/input"),
        ] {
            assert_eq!(refused(key, body), Some((code, Some(pointer.to_owned()))), "{key} {body}");
        }
        for body in ["{}", r#"{"totalSeeds": 5000, "seeds": null}"#, r#"{"totalSeeds": null, "seeds": [1]}"#]
        {
            assert_eq!(refused("spa_for_eng", body), None, "{body}");
        }
    }

    #[test]
    fn a_code_that_is_none_has_a_place() {
        let text = "name = \"p\"\n[[check]]\nthat = \"true\"\ncode = \"empty-seds\"\nmessage = \"m\"\n\
                    [[phase]]\nid = \"a\"\nservice = \"s\"\n";
        let found = unknown_codes(&Pipeline::parse(text).unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, &*found[0].hint), (4, "did you mean empty-seeds?"));
        // One of another status is none of a start.
        let other = text.replace("empty-seds", "not-now");
        assert_eq!(unknown_codes(&Pipeline::parse(&other).unwrap()).len(), 1);
    }
}
