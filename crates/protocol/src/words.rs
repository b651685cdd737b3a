//! Names of the protocol for people's eyes.

/// A camel-case name as people write it: `newLegos` is `new legos`.
#[must_use]
pub fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_become_words() {
        for (name, words) in [("newLegos", "new legos"), ("done", "done"), ("", "")] {
            assert_eq!(super::in_words(name), words);
        }
    }
}
