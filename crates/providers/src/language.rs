//! Languages: their ISO 639-3 codes, names, and what Apertium, espeak-ng and hunspell call them.

use std::{fmt, str::FromStr};

/// A language that providers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// ISO 639-3.
    pub code: &'static str,
    /// English name.
    pub name: &'static str,
    /// What Apertium's pairs call it, the preferred one first; older pairs use two letters.
    pub apertium: &'static [&'static str],
    /// espeak-ng's voice; none where it has none.
    pub espeak: Option<&'static str>,
    /// Hunspell's dictionary; none where we know of none.
    pub hunspell: Option<&'static str>,
}

/// A code that is not in our table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("language {code:?} is not supported; supported are {}", supported())]
pub struct UnsupportedLanguage {
    /// What was asked for.
    pub code: String,
}

/// A text's language and the one it is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanguagePair {
    /// From: what the learner knows.
    pub known: &'static Language,
    /// To: what is learned.
    pub target: &'static Language,
}

const fn language(
    code: &'static str,
    name: &'static str,
    apertium: &'static [&'static str],
    espeak: &'static str,
    hunspell: &'static str,
) -> Language {
    let espeak = if espeak.is_empty() { None } else { Some(espeak) };
    let hunspell = if hunspell.is_empty() { None } else { Some(hunspell) };
    Language { code, name, apertium, espeak, hunspell }
}

/// All of them, by code.
pub const LANGUAGES: &[Language] = &[
    language("afr", "Afrikaans", &["afr", "af"], "af", "af_ZA"),
    language("ara", "Arabic", &["ara", "ar"], "ar", "ar"),
    language("arg", "Aragonese", &["arg", "an"], "an", "an_ES"),
    language("ast", "Asturian", &["ast"], "", ""),
    language("bel", "Belarusian", &["bel", "be"], "be", "be_BY"),
    language("ben", "Bengali", &["ben", "bn"], "bn", "bn_BD"),
    language("bre", "Breton", &["bre", "br"], "", "br_FR"),
    language("bul", "Bulgarian", &["bul", "bg"], "bg", "bg_BG"),
    language("cat", "Catalan", &["cat", "ca"], "ca", "ca"),
    language("ces", "Czech", &["ces", "cs"], "cs", "cs_CZ"),
    language("cmn", "Mandarin Chinese", &["zho", "zh"], "cmn", ""),
    language("cym", "Welsh", &["cym", "cy"], "cy", "cy_GB"),
    language("dan", "Danish", &["dan", "da"], "da", "da_DK"),
    language("deu", "German", &["deu", "de"], "de", "de_DE"),
    language("ell", "Greek", &["ell", "el"], "el", "el_GR"),
    language("eng", "English", &["eng", "en"], "en-gb", "en_GB"),
    language("epo", "Esperanto", &["epo", "eo"], "eo", "eo"),
    language("est", "Estonian", &["est", "et"], "et", ""),
    language("eus", "Basque", &["eus", "eu"], "eu", "eu"),
    language("fas", "Persian", &["fas", "fa"], "fa", ""),
    language("fin", "Finnish", &["fin", "fi"], "fi", ""),
    language("fra", "French", &["fra", "fr"], "fr-fr", "fr_FR"),
    language("gla", "Scottish Gaelic", &["gla", "gd"], "gd", "gd_GB"),
    language("gle", "Irish", &["gle", "ga"], "ga", ""),
    language("glg", "Galician", &["glg", "gl"], "", "gl_ES"),
    language("heb", "Hebrew", &["heb", "he"], "he", "he"),
    language("hin", "Hindi", &["hin", "hi"], "hi", "hi_IN"),
    language("hrv", "Croatian", &["hrv", "hbs_HR", "hbs"], "hr", "hr_HR"),
    language("hun", "Hungarian", &["hun", "hu"], "hu", "hu_HU"),
    language("ind", "Indonesian", &["ind", "id"], "id", "id_ID"),
    language("isl", "Icelandic", &["isl", "is"], "is", "is"),
    language("ita", "Italian", &["ita", "it"], "it", "it_IT"),
    language("jpn", "Japanese", &["jpn", "ja"], "ja", ""),
    language("kor", "Korean", &["kor", "ko"], "ko", "ko"),
    language("lat", "Latin", &["lat", "la"], "la", ""),
    language("lav", "Latvian", &["lav", "lv"], "lv", "lv_LV"),
    language("lit", "Lithuanian", &["lit", "lt"], "lt", "lt_LT"),
    language("mkd", "Macedonian", &["mkd", "mk"], "mk", ""),
    language("msa", "Malay", &["zlm", "msa", "ms"], "ms", ""),
    language("nld", "Dutch", &["nld", "nl"], "nl", "nl"),
    language("nno", "Norwegian Nynorsk", &["nno", "nn"], "", "nn_NO"),
    language("nob", "Norwegian Bokmål", &["nob", "nb"], "nb", "nb_NO"),
    language("oci", "Occitan", &["oci", "oc"], "", "oc_FR"),
    language("pol", "Polish", &["pol", "pl"], "pl", "pl_PL"),
    language("por", "Portuguese", &["por", "pt"], "pt", "pt_PT"),
    language("ron", "Romanian", &["ron", "ro"], "ro", "ro_RO"),
    language("rus", "Russian", &["rus", "ru"], "ru", "ru_RU"),
    language("slk", "Slovak", &["slk", "sk"], "sk", "sk_SK"),
    language("slv", "Slovenian", &["slv", "sl"], "sl", "sl_SI"),
    language("spa", "Spanish", &["spa", "es"], "es", "es_ES"),
    language("srp", "Serbian", &["srp", "hbs_SR", "hbs"], "sr", "sr_RS"),
    language("swa", "Swahili", &["swa", "sw"], "sw", "sw_TZ"),
    language("swe", "Swedish", &["swe", "sv"], "sv", "sv_SE"),
    language("tam", "Tamil", &["tam", "ta"], "ta", ""),
    language("tel", "Telugu", &["tel", "te"], "te", "te_IN"),
    language("tur", "Turkish", &["tur", "tr"], "tr", "tr_TR"),
    language("ukr", "Ukrainian", &["ukr", "uk"], "uk", "uk_UA"),
    language("urd", "Urdu", &["urd", "ur"], "ur", ""),
    language("vie", "Vietnamese", &["vie", "vi"], "vi", "vi_VN"),
];

fn supported() -> String {
    let all: Vec<String> =
        LANGUAGES.iter().map(|language| format!("{} ({})", language.code, language.name)).collect();
    all.join(", ")
}

impl Language {
    /// Finds a language by its ISO 639-3 code, or by its English name in any case.
    ///
    /// # Errors
    /// [`UnsupportedLanguage`], naming what is supported.
    pub fn find(wanted: &str) -> Result<&'static Self, UnsupportedLanguage> {
        LANGUAGES
            .iter()
            .find(|language| language.code == wanted || language.name.eq_ignore_ascii_case(wanted))
            .ok_or_else(|| UnsupportedLanguage { code: wanted.chars().take(40).collect() })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl LanguagePair {
    /// Makes a pair of two codes.
    ///
    /// # Errors
    /// [`UnsupportedLanguage`] for the first that is not supported.
    pub fn new(known: &str, target: &str) -> Result<Self, UnsupportedLanguage> {
        Ok(Self { known: Language::find(known)?, target: Language::find(target)? })
    }
}

/// As in a course's code: `spa_for_eng`.
impl fmt::Display for LanguagePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_for_{}", self.target.code, self.known.code)
    }
}

/// From a course's code: `spa_for_eng`.
impl FromStr for LanguagePair {
    type Err = UnsupportedLanguage;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let (target, known) = code
            .split_once("_for_")
            .ok_or_else(|| UnsupportedLanguage { code: code.chars().take(40).collect() })?;
        Self::new(known, target)
    }
}
