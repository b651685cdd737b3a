//! Tests of the theatre's services, through what users and other services see.

mod rules_surgery;
mod state;
