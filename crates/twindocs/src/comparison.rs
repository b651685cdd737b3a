//! What the streams say, held against each other and against the code.

pub mod field;
pub mod similarity;
