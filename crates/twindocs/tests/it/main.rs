//! What the twin documentation promises, one file for each part.

mod agreement;
mod analysis_phase;
mod analysis_properties;
mod call_truth;
mod made_up;
mod package;
mod streams;
