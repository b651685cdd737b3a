//! The `segue` executable.
fn main() {}
