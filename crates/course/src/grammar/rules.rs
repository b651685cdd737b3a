//! Rules for Romance languages, as small as they can be: each looks at two or three words side by side and speaks only where
//! no reading of them fits. Style is no reason to remove anything.

use super::analyse::{Reading, Word};

/// What is wrong with a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable name of the rule.
    pub rule: &'static str,
    /// What is wrong, for a person.
    pub reason: String,
}

/// A rule: the words of a phrase to what is wrong with them.
type Rule = fn(&[Word]) -> Option<Fault>;

const RULES: [Rule; 8] = [
    unknown_word,
    word_twice,
    dangling,
    uncontracted,
    determiner_and_noun,
    noun_and_adjective,
    subject_and_verb,
    modal_without_infinitive,
];

/// The first thing that is wrong with a phrase, if anything is.
#[must_use]
pub fn judge(words: &[Word]) -> Option<Fault> {
    RULES.iter().find_map(|rule| rule(words))
}

fn fault(rule: &'static str, reason: String) -> Option<Fault> {
    Some(Fault { rule, reason })
}

fn lower(word: &Word) -> String {
    word.surface.to_lowercase()
}

/// Names, which begin with a capital, need not be known.
fn unknown_word(words: &[Word]) -> Option<Fault> {
    let unknown = words.iter().find(|word| {
        word.readings.is_empty() && word.surface.chars().next().is_some_and(char::is_lowercase)
    })?;
    fault("unknown-word", format!("'{}' is in no dictionary of the language", unknown.surface))
}

fn word_twice(words: &[Word]) -> Option<Fault> {
    let twice = words.windows(2).find(|pair| lower(&pair[0]) == lower(&pair[1]))?;
    fault("word-twice", format!("'{0} {0}' says one word twice", twice[0].surface))
}

/// A phrase of several words does not end in the middle: on an article, a preposition or a conjunction.
fn dangling(words: &[Word]) -> Option<Fault> {
    let last = words.last().filter(|_| words.len() > 1)?;
    let open = last.is_only(&["det", "pr", "cnjcoo", "cnjsub"]) && !last.can_be(&["prn"]);
    if !open {
        return None;
    }
    fault("dangling-end", format!("'{}' needs something after it", last.surface))
}

/// `a el` and `de el` are written as one word.
fn uncontracted(words: &[Word]) -> Option<Fault> {
    let pair =
        words.windows(2).find(|pair| matches!(&*lower(&pair[0]), "a" | "de") && pair[1].surface == "el")?;
    let one = if lower(&pair[0]) == "a" { "al" } else { "del" };
    fault("contraction", format!("'{} el' is written '{one}'", pair[0].surface))
}

/// Gender and number of two readings go together; what is both or neither goes with everything.
fn agree(a: &Reading, b: &Reading) -> bool {
    let one = |reading: &Reading, of: [&'static str; 3]| {
        let found = of.into_iter().find(|tag| reading.has(&[tag]))?;
        (found != of[2]).then_some(found)
    };
    let same = |of| match (one(a, of), one(b, of)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    same(["m", "f", "mf"]) && same(["sg", "pl", "sp"])
}

fn determiner_and_noun(words: &[Word]) -> Option<Fault> {
    let pair = words.windows(2).find(|pair| {
        let determiner =
            pair[0].is_only(&["det"]) || matches!(&*lower(&pair[0]), "la" | "los" | "las" | "un" | "una");
        let noun = pair[1].is_only(&["n"])
            || (pair[1].can_be(&["n"]) && !pair[1].can_be(&["vblex"]) && !pair[1].can_be(&["adj"]));
        determiner && noun && !exists(&pair[0], &["det"], &pair[1], &["n"])
    })?;
    // El agua, un arma: feminine nouns that begin with a stressed a.
    if matches!(&*lower(&pair[0]), "el" | "un") && lower(&pair[1]).starts_with(['a', 'á', 'h']) {
        return None;
    }
    fault("article-agreement", format!("'{} {}' do not agree", pair[0].surface, pair[1].surface))
}

/// Whether some reading of one word, of that part of speech, agrees with some reading of the other.
fn exists(a: &Word, a_tags: &[&str], b: &Word, b_tags: &[&str]) -> bool {
    let of = |word: &'_ Word, tags: &[&str]| -> Vec<Reading> {
        word.readings.iter().filter(|reading| reading.has(tags)).cloned().collect()
    };
    of(a, a_tags).iter().any(|a| of(b, b_tags).iter().any(|b| agree(a, b)))
}

fn noun_and_adjective(words: &[Word]) -> Option<Fault> {
    let pair = words.windows(2).find(|pair| {
        pair[0].is_only(&["n"]) && pair[1].is_only(&["adj"]) && !exists(&pair[0], &["n"], &pair[1], &["adj"])
    })?;
    fault("adjective-agreement", format!("'{} {}' do not agree", pair[0].surface, pair[1].surface))
}

/// Who does something, and the form of what he does.
fn subject_and_verb(words: &[Word]) -> Option<Fault> {
    const SUBJECTS: [(&str, &str, &str); 9] = [
        ("yo", "p1", "sg"),
        ("tú", "p2", "sg"),
        ("él", "p3", "sg"),
        ("ella", "p3", "sg"),
        ("usted", "p3", "sg"),
        ("nosotros", "p1", "pl"),
        ("ellos", "p3", "pl"),
        ("ellas", "p3", "pl"),
        ("ustedes", "p3", "pl"),
    ];
    for pair in words.windows(2) {
        let Some((_, person, number)) = SUBJECTS.iter().find(|(subject, ..)| *subject == lower(&pair[0]))
        else {
            continue;
        };
        let verbs: Vec<&Reading> = pair[1]
            .readings
            .iter()
            .filter(|reading| reading.tags.first().is_some_and(|tag| tag.starts_with("vb")))
            .collect();
        let finite = |reading: &&&Reading| ["p1", "p2", "p3"].iter().any(|person| reading.has(&[person]));
        let all_finite = !verbs.is_empty() && verbs.iter().all(|reading| finite(&reading));
        let only_verb = verbs.len() == pair[1].readings.len();
        let fits = verbs.iter().any(|reading| reading.has(&[person, number]));
        // After a preposition the same word is no subject: con él habla.
        let after_preposition = words
            .iter()
            .position(|word| std::ptr::eq(word, &pair[0]))
            .and_then(|at| at.checked_sub(1))
            .is_some_and(|before| words[before].can_be(&["pr"]));
        if only_verb && all_finite && !fits && !after_preposition {
            return fault(
                "verb-agreement",
                format!("'{} {}' do not agree", pair[0].surface, pair[1].surface),
            );
        }
    }
    None
}

/// After quiero, puedo, tengo que, voy a … comes what is to be done, not a form of it.
fn modal_without_infinitive(words: &[Word]) -> Option<Fault> {
    const MODALS: [&str; 20] = [
        "quiero",
        "quieres",
        "quiere",
        "queremos",
        "quieren",
        "puedo",
        "puedes",
        "puede",
        "podemos",
        "pueden",
        "necesito",
        "necesitas",
        "necesita",
        "necesitamos",
        "necesitan",
        "debo",
        "debes",
        "debe",
        "debemos",
        "deben",
    ];
    // Si quieres, podemos …: the comma that is not seen here ends the clause.
    if words.iter().any(|word| matches!(&*lower(word), "si" | "cuando")) {
        return None;
    }
    let pair = words.windows(2).find(|pair| {
        let next = &pair[1];
        let verb = next.is_only(&["vblex", "vbmod", "vbser", "vbhaver"]);
        let form = next.can_be(&["inf"]) || next.can_be(&["pp"]) || next.can_be(&["ger"]);
        MODALS.contains(&&*lower(&pair[0])) && verb && !form
    })?;
    fault(
        "modal-infinitive",
        format!("after '{}' comes an infinitive, not '{}'", pair[0].surface, pair[1].surface),
    )
}
