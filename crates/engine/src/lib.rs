//! What a job is and what happens next: pure, without clock, files, network or randomness.
