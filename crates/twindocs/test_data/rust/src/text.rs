//! Texts.

/// Clean.
pub fn clean(text: &str) -> String {
    text.trim().to_owned()
}

pub fn shout(text: &str) -> String {
    clean(text).to_uppercase()
}

pub mod deep {
    pub fn fold() -> usize {
        super::shout("z").len()
    }
}
