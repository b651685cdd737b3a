//! A pipeline's file: what is wrong has a place in it, and what is right is the same when it is read again.
#![no_main]

use engine::pipeline::Pipeline;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let findings = match Pipeline::parse(text) {
        Ok(pipeline) => {
            let again = Pipeline::parse(&pipeline.source).expect("it was read before");
            assert_eq!(again.hash, pipeline.hash);
            assert_eq!(format!("{again:?}"), format!("{pipeline:?}"));
            for index in pipeline.indexes() {
                let phase = pipeline.phase(index);
                assert_eq!(pipeline.resolve(phase.id.as_str()), Some(index));
                assert!(phase.after.iter().all(|before| pipeline.phase(*before).before.contains(&index)));
            }
            pipeline.undeclared_services(&["tts"])
        }
        Err(wrong) => {
            assert!(!wrong.findings.is_empty(), "something is wrong, but nothing is said");
            wrong.findings
        }
    };
    for finding in findings {
        assert!(!finding.message.is_empty() && !finding.hint.is_empty(), "{finding:?}");
        assert!(!finding.to_string().contains('\n'), "{finding}");
        fuzz::assert_placed(text.as_bytes(), finding.line, finding.column);
    }
});
