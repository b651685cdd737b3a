//! Words: how a text is cut into them, and how two of them are compared.
//!
//! A word is a Unicode word (UAX 29), so that "español", "C'hoant" and "don't" are one each; in scripts without spaces every
//! character is one. Punctuation belongs to the sentence, not to its words: LEGOs and phrases are made of words alone.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The words of a text, as they are written.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    text.nfc().collect::<String>().unicode_words().map(str::to_owned).collect()
}

/// A word or text as it is compared: NFC, lower case, spaces trimmed.
#[must_use]
pub fn normal(text: &str) -> String {
    text.trim().nfc().collect::<String>().to_lowercase()
}

/// The words of a text as they are compared.
#[must_use]
pub fn normal_words(text: &str) -> Vec<String> {
    words(text).iter().map(|word| normal(word)).collect()
}

/// Whether a text is written without spaces between its words.
#[must_use]
pub fn is_unspaced(text: &str) -> bool {
    let unspaced = |c: char| matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF);
    text.chars().any(unspaced)
}

/// Words as a text: with spaces, or without where the script has none.
#[must_use]
pub fn join(words: &[String]) -> String {
    if words.iter().any(|word| is_unspaced(word)) { words.concat() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_every_script() {
        assert_eq!(words("¿Hablas español?"), ["Hablas", "español"]);
        assert_eq!(words("C'hoant am eus, I don't."), ["C'hoant", "am", "eus", "I", "don't"]);
        assert_eq!(words("我想说中文。"), ["我", "想", "说", "中", "文"]);
        assert_eq!(words("أريد أن أتكلم"), ["أريد", "أن", "أتكلم"]);
        assert_eq!(join(&words("我想说中文。")), "我想说中文");
    }
}
