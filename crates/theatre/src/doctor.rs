//! What a theatre hears and thinks with, for `segue doctor`: which engine, whether it can be reached, and what installs it.

use std::time::Duration;

use phase_kit::catalog::{ServiceSettings, options};
use providers::{
    ChatModel, Finding, OpenAiChat, ProviderError,
    recognise::{OpenAiRecogniser, Sphinx, Whisper},
};
use serde::de::Error;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{
    asr::service::{AsrOptions, Engine},
    llm::LlmOptions,
    surgery::Library,
};

/// How long an endpoint may take to be there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the recogniser and the model that the options of `asr` and `llm` choose. Endpoints are only connected to: to ask
/// them could cost money.
pub async fn doctor<'a>(of: impl Fn(&str) -> Option<&'a Value>) -> Vec<Finding> {
    let settings = |name: &str| {
        let options = of(name).cloned().unwrap_or_default();
        ServiceSettings { options, ..ServiceSettings::default() }
    };
    let mut findings = match options::<AsrOptions>(&settings("asr")) {
        Ok(asr) => recognisers(&asr).await,
        Err(error) => vec![wrong("asr", &error)],
    };
    findings.push(match options::<LlmOptions>(&settings("llm")) {
        Ok(llm) => model(&llm).await,
        Err(error) => wrong("llm", &error),
    });
    findings
}

fn wrong(service: &str, error: &serde_json::Error) -> Finding {
    Finding {
        name: format!("options of {service}"),
        found: false,
        detail: "cannot be used".to_owned(),
        install: error.to_string(),
    }
}

async fn recognisers(asr: &AsrOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = Library::built_in().map_err(Error::custom).and_then(|library| asr.ear(&library)) {
        findings.push(wrong("asr", &error));
    }
    if matches!(asr.engine, Engine::PocketSphinx | Engine::Both) {
        let ready = Sphinx::new(&asr.pocketsphinx).ready().await;
        findings.push(finding("asr: PocketSphinx", "engine of asr, with a grammar", ready, ""));
    }
    let whisper = asr.whisper.as_ref().filter(|_| matches!(asr.engine, Engine::Whisper | Engine::Both));
    if let Some(whisper) = whisper {
        let detail = format!("engine of asr, {}", whisper.model.display());
        findings.push(finding("asr: Whisper", &detail, Whisper::new(whisper).ready().await, ""));
    }
    let is_asked = asr.engine == Engine::OpenAi || asr.engine == Engine::Both && whisper.is_none();
    if let Some(openai) = asr.openai.as_ref().filter(|_| is_asked) {
        let ready = OpenAiRecogniser::new(openai.clone()).ready();
        let detail = format!("engine of asr, {} at {}", openai.model, openai.url);
        let ready = reached(&openai.url, ready).await;
        findings.push(finding("asr: transcription endpoint", &detail, ready, "start the server there"));
    }
    findings
}

async fn model(llm: &LlmOptions) -> Finding {
    let name = "llm: chat endpoint";
    let Some(chat) = &llm.chat else {
        let detail = "none is set up: the rules go on alone (optional)".to_owned();
        let install = "scripts/setup --model and scripts/model-server, then in services.toml: \
            [service.llm.options] chat = { url = \"http://127.0.0.1:8473/v1\", model = \"smollm2\", answers = \"json_object\" }";
        return Finding { name: name.to_owned(), found: false, detail, install: install.to_owned() };
    };
    let ready = OpenAiChat::new(chat.clone()).ready();
    let detail = format!("model of llm, {} at {}", chat.model, chat.url);
    let ready = reached(&chat.url, ready).await;
    finding(name, &detail, ready, "start the server there; a small one: scripts/model-server")
}

/// Whether something listens there, where it is set up at all.
async fn reached(url: &str, ready: Result<(), ProviderError>) -> Result<(), ProviderError> {
    ready?;
    let away = |why: String| ProviderError::Unavailable {
        provider: url.to_owned(),
        message: why,
        retry_after: None,
    };
    let place = reqwest::Url::parse(url).ok();
    let place = place.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    let (host, port) = place.ok_or_else(|| away("it is no address".to_owned()))?;
    // An address of IPv6 stands in brackets in a URL and without them elsewhere.
    match timeout(PATIENCE, TcpStream::connect((host.trim_matches(['[', ']']), port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(away(error.to_string())),
        Err(_) => Err(away(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

/// `install` is what helps where the error itself names nothing.
fn finding(name: &str, detail: &str, ready: Result<(), ProviderError>, install: &str) -> Finding {
    let (found, state, install) = match ready {
        Ok(()) => (true, "can be reached".to_owned(), String::new()),
        Err(ProviderError::Missing { what, install, .. }) => (false, format!("there is no {what}"), install),
        Err(error) => (false, format!("cannot be reached: {error}"), install.to_owned()),
    };
    Finding { name: name.to_owned(), found, detail: format!("{detail}; {state}"), install }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    async fn found(asr: Value, llm: Value) -> Vec<Finding> {
        doctor(|name| Some(if name == "asr" { &asr } else { &llm })).await
    }

    #[tokio::test]
    async fn engines_are_named_with_whether_they_can_be_reached_and_what_helps() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let away = "http://127.0.0.1:9/v1";
        let endpoint = |url: &str| json!({ "url": url, "model": "m" });
        let both =
            found(json!({ "engine": "both", "openai": endpoint(&here) }), json!({ "chat": endpoint(away) }))
                .await;
        let names: Vec<(&str, bool)> = both.iter().map(|one| (one.name.as_str(), one.found)).collect();
        assert_eq!(
            names,
            [
                ("asr: PocketSphinx", true),
                ("asr: transcription endpoint", true),
                ("llm: chat endpoint", false)
            ]
        );
        assert!(both[1].detail.contains(&here) && both[2].detail.contains("cannot be reached"), "{both:?}");
        assert!(both[2].install.contains("scripts/model-server"));

        let whisper =
            json!({ "engine": "whisper", "whisper": { "model": "/nowhere", "python": "no-such-python" } });
        let without = found(whisper, json!({})).await;
        assert!(without.iter().all(|one| !one.found && !one.install.is_empty()), "{without:?}");
        assert!(without[0].install.contains("scripts/setup --whisper"), "{without:?}");
        assert!(without[1].detail.contains("the rules go on alone"), "{without:?}");

        let wrong = found(json!({ "engine": "both" }), json!({ "chat": 7 })).await;
        assert!(wrong[0].install.contains("needs the option whisper or"), "{wrong:?}");
        assert_eq!(wrong.last().map(|one| one.name.as_str()), Some("options of llm"));
    }
}
