//! Runs the engine against the world: HTTP API, dispatch, timers, live stream, artifacts.
