//! The embedded journal: an append-only log as the truth, a rebuildable SQLite index beside it.
