//! The other bodies that are read from outside: starts, signals, progress, priorities.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{
    Problem, Progress, ReportProgress, SendSignal, SetPriority, StartJob, StartPhase, StartRequest,
};

fuzz_target!(|body: &[u8]| {
    placed(SendSignal::parse(body), body);
    placed(SetPriority::parse(body), body);
    placed(Progress::parse(body), body);
    placed(ReportProgress::parse(body), body);
    placed(StartJob::parse(body), body);
    if let Some(start) = placed(StartPhase::parse(body), body) {
        let input = serde_json::from_str::<serde_json::Map<_, _>>(start.input.get());
        assert!(input.is_ok(), "the input of a start is an object");
    }
    if let Some(start) = placed(StartRequest::parse(body), body) {
        let printed = serde_json::to_vec(&start).expect("a start is JSON");
        let again = StartRequest::parse(&printed).expect("what was printed can be read");
        assert_eq!(serde_json::to_vec(&again).expect("a start is JSON"), printed);
    }
});

fn placed<T>(read: Result<T, Problem>, body: &[u8]) -> Option<T> {
    read.map_err(|problem| fuzz::assert_names_its_place(&problem, body)).ok()
}
