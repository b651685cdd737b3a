//! The words on the wire: start request, callback, progress and problem bodies.
