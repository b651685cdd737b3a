//! Events as the journal stores them, in any order: what does not fit is refused by name and never a panic.
//!
//! The input is the pipeline's number in one byte, and events as lines.
#![no_main]

use std::sync::LazyLock;

use engine::{apply, pipeline::Pipeline};
use libfuzzer_sys::fuzz_target;
use orchestrator::core::decode;

static PIPELINES: LazyLock<Vec<Pipeline>> = LazyLock::new(|| {
    let texts = fuzz::journals().into_iter().map(|(pipeline, _)| pipeline);
    texts.map(|text| Pipeline::parse(&text).expect("the corpus has sound pipelines")).collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((number, lines)) = input.split_first() else { return };
    let pipeline = &PIPELINES[*number as usize % PIPELINES.len()];
    let mut job = None;
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(event) = decode(line) else { continue };
        let printed = serde_json::to_vec(&event).expect("an event is JSON");
        assert_eq!(decode(&printed).as_ref(), Ok(&event), "what was printed reads back");
        match &mut job {
            None => job = apply::create(pipeline, &event).ok(),
            Some(job) => {
                let _illegal = apply::apply(pipeline, job, &event);
            }
        }
    }
});
