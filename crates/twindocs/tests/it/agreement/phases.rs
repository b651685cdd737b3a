//! What holds whatever is planted.
