//! Which Debian package has which pair of languages: for the line that installs what is missing.

/// Two languages (ISO 639-3) and the package that translates between them, in one direction or in both.
const PACKAGES: [(&str, &str, &str); 36] = [
    ("afr", "nld", "apertium-afr-nld"),
    ("arg", "cat", "apertium-arg-cat"),
    ("ast", "spa", "apertium-spa-ast"),
    ("bel", "rus", "apertium-bel-rus"),
    ("bre", "fra", "apertium-br-fr"),
    ("bul", "mkd", "apertium-mkd-bul"),
    ("cat", "eng", "apertium-eng-cat"),
    ("cat", "epo", "apertium-eo-ca"),
    ("cat", "fra", "apertium-fra-cat"),
    ("cat", "ita", "apertium-cat-ita"),
    ("cat", "oci", "apertium-oc-ca"),
    ("cat", "por", "apertium-por-cat"),
    ("cat", "spa", "apertium-spa-cat"),
    ("dan", "nob", "apertium-dan-nor"),
    ("dan", "swe", "apertium-swe-dan"),
    ("eng", "epo", "apertium-eo-en"),
    ("eng", "eus", "apertium-eu-en"),
    ("eng", "glg", "apertium-en-gl"),
    ("eng", "hrv", "apertium-hbs-eng"),
    ("eng", "isl", "apertium-isl-eng"),
    ("eng", "mkd", "apertium-mkd-eng"),
    ("eng", "spa", "apertium-eng-spa"),
    ("epo", "fra", "apertium-eo-fr"),
    ("epo", "spa", "apertium-eo-es"),
    ("eus", "spa", "apertium-eu-es"),
    ("fra", "oci", "apertium-oci-fra"),
    ("fra", "spa", "apertium-fr-es"),
    ("glg", "por", "apertium-pt-gl"),
    ("glg", "spa", "apertium-es-gl"),
    ("hin", "urd", "apertium-urd-hin"),
    ("isl", "swe", "apertium-isl-swe"),
    ("ita", "spa", "apertium-spa-ita"),
    ("nno", "nob", "apertium-nno-nob"),
    ("oci", "spa", "apertium-oc-es"),
    ("por", "spa", "apertium-es-pt"),
    ("ron", "spa", "apertium-es-ro"),
];

/// The package for a pair, if there is one.
fn package(from: &str, to: &str) -> Option<&'static str> {
    let found = PACKAGES.iter().find(|(a, b, _)| (*a, *b) == (from, to) || (*a, *b) == (to, from));
    found.map(|(.., package)| *package)
}

/// Returns the packages that give a pair: one, or two by way of a third language; none where no two do.
pub(super) fn packages(from: &str, to: &str) -> Option<Vec<&'static str>> {
    if let Some(package) = package(from, to) {
        return Some(vec![package]);
    }
    let thirds = std::iter::once("spa").chain(PACKAGES.iter().flat_map(|(a, b, _)| [*a, *b]));
    thirds.into_iter().find_map(|third| Some(vec![package(from, third)?, package(third, to)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_its_package_or_two_by_way_of_a_third() {
        assert_eq!(packages("spa", "eng"), Some(vec!["apertium-eng-spa"]));
        assert_eq!(packages("eng", "por"), Some(vec!["apertium-eng-spa", "apertium-es-pt"]));
        assert_eq!(packages("eng", "cym"), None);
    }
}
