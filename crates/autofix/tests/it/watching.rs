//! Seeing changes: real events, many at once, and those of the time when nobody looked.
