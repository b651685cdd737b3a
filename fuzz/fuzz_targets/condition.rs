//! A condition of a pipeline: compiled from any text, evaluated over some values.
#![no_main]

use engine::condition::Condition;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|source: &str| {
    let compiled = match Condition::compile(source) {
        Ok(compiled) => compiled,
        Err(wrong) => {
            assert!(!wrong.message.is_empty() && !wrong.message.contains('\n'), "{wrong:?}");
            let end = source.chars().count() + 1;
            assert!(wrong.column.is_none_or(|column| (1..=end).contains(&column)), "{wrong:?}");
            return;
        }
    };
    let lookup = |name: &str| -> Option<Value> {
        match name {
            "input" => Some(json!({ "file": "a.wav", "sentences": ["a", "b"], "total": 668, "none": null })),
            "item" => Some(json!([1, -1, 0.5, "é", { "x": true }])),
            "compare" => {
                Some(json!({ "output": { "converged": false, "score": 1e300 }, "stats": {}, "ok": true }))
            }
            _ => None,
        }
    };
    // Each of these may fail; none may panic, and the same expression gives the same again.
    let first = (compiled.holds(&lookup), compiled.list(&lookup).is_ok(), compiled.text(&lookup));
    let again = Condition::compile(compiled.source()).expect("it was compiled before");
    assert_eq!((again.holds(&lookup), again.list(&lookup).is_ok(), again.text(&lookup)), first);
});
