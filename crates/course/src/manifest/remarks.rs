//! What a course says about itself: the welcome and the encouragements. Our own texts, in English only. For a learner
//! who knows another language there are none rather than English ones that he may not understand; the phase says so in
//! its stats.

/// What is said around the sentences of a course, in one known language.
#[derive(Debug, Clone, Copy)]
pub struct Remarks {
    /// Spoken before everything else.
    pub welcome: &'static str,
    /// Said now and then, in any order.
    pub pooled: &'static [&'static str],
    /// Said once each, in this order.
    pub ordered: &'static [&'static str],
}

/// Returns the remarks for a known language (ISO 639-3), if somebody has written them.
#[must_use]
pub fn remarks(known_language: &str) -> Option<&'static Remarks> {
    (known_language == "eng").then_some(&ENGLISH)
}

static ENGLISH: Remarks = Remarks {
    welcome: "Welcome. You will hear a sentence in the language you know, and then a short silence. \
              Use that silence: say the sentence aloud in your new language before you hear the answer. \
              It does not have to be perfect, it only has to be said.",
    pooled: &[
        "Mistakes are part of the work. Say it anyway.",
        "If you only remember half of it, say that half with confidence.",
        "A short session every day beats a long one now and then.",
        "You are building sentences nobody taught you. That is what speaking is.",
        "Tired? Stop here, and come back tomorrow. Rest is practice too.",
        "You need not write anything down. What you need will come round again.",
        "Try to answer a little sooner than feels comfortable.",
        "Everything that feels hard today was impossible last week.",
        "Speak aloud if you can. Your mouth has to learn this as well as your ears.",
        "If one of them escaped you, let it go. The next one is already here.",
    ],
    ordered: &[
        "You have said your first sentences in a new language. That is the hardest step, and it is behind you.",
        "By now the pieces begin to fit together in ways you were never shown. Enjoy that.",
        "You may notice that you hesitate less. Keep the pace, even when a word slips away.",
        "You could already hold a short and simple conversation. Find somebody to try it with.",
        "You have come far enough to keep going on your own. Be proud of that, and carry on.",
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn english_has_ten_pooled_and_five_ordered_remarks_and_no_text_twice() {
        let english = remarks("eng").expect("English is written");
        assert_eq!((english.pooled.len(), english.ordered.len()), (10, 5));
        let all: BTreeSet<_> = english.pooled.iter().chain(english.ordered).collect();
        assert_eq!(all.len(), 15);
    }

    #[test]
    fn a_language_nobody_wrote_for_gets_none_and_not_english() {
        assert!(remarks("cym").is_none());
    }
}
