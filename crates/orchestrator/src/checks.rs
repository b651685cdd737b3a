//! What is refused at a start because no service could do it: told to the caller at once instead of failing the job later.

use engine::pipeline::Pipeline;
use protocol::{Code, Problem};
use serde_json::value::RawValue;

/// Most sentences that a course may have; the service checks again.
const MAX_SEEDS: usize = 5_000;

/// Checks the input of a pipeline that is started by its route.
///
/// # Errors
/// The problem, with its place.
pub fn input(pipeline: &Pipeline, key: &str, input: &RawValue) -> Result<(), Problem> {
    let value: serde_json::Value = serde_json::from_str(input.get())
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    if !value.is_object() {
        return Err(Problem::field("/input", "the input is an object"));
    }
    if pipeline.key_field.as_deref() == Some("courseCode") {
        course(key, &value)?;
    }
    Ok(())
}

fn course(key: &str, input: &serde_json::Value) -> Result<(), Problem> {
    let languages = key.split_once("_for_");
    let code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_lowercase());
    if !languages.is_some_and(|(target, known)| code(target) && code(known) && target != known) {
        let detail =
            format!("'{key}' is not a course code: it is written target_for_known, such as spa_for_eng");
        return Err(Problem::new(Code::UnsupportedLanguage, detail).pointer("/courseCode"));
    }
    match input.get("totalSeeds") {
        None | Some(serde_json::Value::Null) => {}
        Some(total) => match total.as_u64() {
            Some(0) => {
                return Err(
                    Problem::new(Code::EmptySeeds, "a course has at least one seed").pointer("/totalSeeds")
                );
            }
            Some(n) if n > MAX_SEEDS as u64 => return Err(too_many("/totalSeeds")),
            Some(_) => {}
            None => return Err(Problem::field("/totalSeeds", "`totalSeeds` is a whole number")),
        },
    }
    match input.get("seeds") {
        None | Some(serde_json::Value::Null) => Ok(()),
        Some(serde_json::Value::Array(seeds)) if seeds.is_empty() => {
            Err(Problem::new(Code::EmptySeeds, "`seeds` is an empty list").pointer("/seeds"))
        }
        Some(serde_json::Value::Array(seeds)) if seeds.len() > MAX_SEEDS => Err(too_many("/seeds")),
        Some(serde_json::Value::Array(_)) => Ok(()),
        Some(_) => Err(Problem::field("/seeds", "`seeds` is a list of sentences or of {known, target}")),
    }
}

fn too_many(pointer: &str) -> Problem {
    Problem::new(Code::TooManySeeds, format!("a course has at most {MAX_SEEDS} seeds")).pointer(pointer)
}
