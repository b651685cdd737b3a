//! Tests of the theatre's services, through what users and other services see.

mod asr;
mod llm;
mod rules_faults;
mod rules_phase;
mod rules_surgery;
mod rules_utterances;
mod state;
