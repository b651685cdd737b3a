//! The faults of the original that ours must not have: `domain.md` 3.12.
