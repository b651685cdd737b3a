//! How to be a phase service: accept a start, report progress, pause, cancel, call back.
