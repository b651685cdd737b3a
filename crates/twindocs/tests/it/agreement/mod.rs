//! Comparison, resolution and tickets: two streams that say the same, with differences planted in them.

mod import;
mod model;
mod phases;
mod planted;
mod properties;
mod weaknesses;
mod world;
