//! The body of a callback, and the other things that services answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orchestrator::callback::{parse_checkpoint, parse_outcome, parse_status, said};
use protocol::{Callback, CallbackStatus};

fuzz_target!(|body: &[u8]| {
    // Each of these may refuse; none may panic.
    let _ = (parse_outcome(body).is_ok(), parse_status(body).is_some(), parse_checkpoint(body).is_some());
    match Callback::parse(body) {
        Err(problem) => fuzz::assert_names_its_place(&problem, body),
        Ok(callback) => {
            assert_eq!(callback.success, callback.status == CallbackStatus::Complete);
            let printed = serde_json::to_vec(&callback).expect("a callback is JSON");
            let again = Callback::parse(&printed).expect("what was printed can be read");
            assert_eq!(serde_json::to_vec(&again).expect("a callback is JSON"), printed);
            assert!(again.token.is_none(), "a stored callback holds no secret");
            let _meaning = said(callback);
        }
    }
});
