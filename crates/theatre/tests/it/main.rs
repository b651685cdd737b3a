//! Tests of the theatre's services, through what users and other services see.

mod llm;
mod rules_surgery;
mod state;
