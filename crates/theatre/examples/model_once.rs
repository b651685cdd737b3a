//! Asks a model, as the service `llm` does, about a few sentences of a PCNL, and shows what is taken of its answers.
//!
//! ```text
//! cargo run -p theatre --example model_once -- http://127.0.0.1:8473/v1 smollm2 json_object
//! ```

#![expect(clippy::print_stdout, reason = "a measurement is for whoever runs it")]

use std::error::Error;

use providers::CancellationToken;
use serde_json::json;
use theatre::{llm::LlmOptions, model::Utterance};

const SAID: [&str; 4] = [
    "turn on the suction",
    "the stone is in view, start the lithotripter",
    "the weather is nice today",
    "we are done, closing now, irrigation off",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, model, answers] = arguments.as_slice() else {
        return Err("URL MODEL json_schema|json_object|plain".into());
    };
    let chat = json!({ "url": url, "model": model, "answers": answers });
    let options: LlmOptions = serde_json::from_value(json!({ "chat": chat, "patience": 300 }))?;
    let llm = options.phase()?;
    for text in SAID {
        let utterance: Utterance = serde_json::from_value(json!({
            "theatre": "main", "seq": 1, "epoch": 1, "surgery": "PCNL", "phase": "Phase3", "text": text,
            "speaker": "surgeon", "saidAt": "2026-01-01T00:00:00Z", "sessionS": 600.0,
            "context": { "on": ["M01", "M05", "M09"] },
        }))?;
        let (answer, dropped) = llm.ask(&utterance, &CancellationToken::new()).await;
        println!("{text}\n  dropped {dropped}: {}", serde_json::to_string(&answer)?);
    }
    Ok(())
}
