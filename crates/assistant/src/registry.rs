//! The assistant's services by name: what `segue serve NAME` serves.
//!
//! It is one service with one slot: a person has one assistant, who does one thing at a time. That is what there is to
//! interrupt.

use std::sync::Arc;

use jiff::Timestamp;
use phase_kit::{
    ServiceBuilder,
    catalog::{Catalog, ServiceSettings, options},
};
use providers::{ChatModel, ChatSettings, OpenAiChat};
use serde::Deserialize;

use crate::{
    chat::{Answerer, Chat, Stream},
    cleanup::Cleanup,
    memory::Memory,
    monitor::Monitor,
    remember::{Recall, Remember},
    summarise::Summarise,
};

/// Every service of the assistant.
pub const CATALOG: Catalog = Catalog { services: &[("assistant", assistant)] };

/// `[service.assistant.options]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Who answers; none: nobody.
    #[serde(default)]
    chat: Option<ChatSettings>,
}

fn assistant(
    builder: ServiceBuilder,
    settings: &ServiceSettings,
) -> Result<ServiceBuilder, serde_json::Error> {
    let Options { chat } = options(settings)?;
    let model = chat.map(|chat| Arc::new(OpenAiChat::new(chat)) as Arc<dyn ChatModel>);
    let memory = Arc::new(Memory::in_folder(&settings.data_dir));
    let answerer = Answerer::new(Arc::clone(&memory), model);
    Ok(builder
        .phase(Chat(answerer.clone()))
        .phase(Stream(answerer))
        .phase(Remember { memory: Arc::clone(&memory), clock: Timestamp::now })
        .phase(Recall(Arc::clone(&memory)))
        .phase(Monitor { folder: settings.data_dir.clone() })
        .phase(Summarise(Arc::clone(&memory)))
        .phase(Cleanup { memory: Arc::clone(&memory), clock: Timestamp::now })
        .companion(memory))
}
