//! The storage contract, a memory journal, and the conformance suite that every journal passes.
