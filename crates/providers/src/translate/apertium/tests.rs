//! With the real programs: `apt-get install apertium apertium-eng-spa apertium-es-pt`.

use super::*;

async fn translated(apertium: &Apertium, pair: &str, texts: &[&str]) -> Vec<Translation> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let pair: LanguagePair = pair.parse().expect("a pair");
    apertium.translate(&texts, &pair, &CancellationToken::new()).await.expect("the packages above")
}

fn done(text: &str) -> Translation {
    Translation::Done { text: text.to_owned(), by: NAME.into() }
}

#[tokio::test]
async fn sentences_are_translated_and_unknown_words_hold_theirs_back() {
    let texts =
        ["I want to eat with my family.", "The blorfing is frumious.", "Can you eat?", "He said 5*3 [sic]!"];
    let made = translated(&Apertium::default(), "spa_for_eng", &texts).await;
    assert_eq!(made[0], done("Quiero comer con mi familia."));
    let Translation::Untranslated { reason, candidate, .. } = &made[1] else { panic!("{made:?}") };
    assert!(
        reason.contains("*blorfing, *frumious") && candidate.contains("*blorfing"),
        "{reason} {candidate}"
    );
    let question = made[2].text().expect("translated");
    assert!(question.starts_with('¿') && question.ends_with('?'), "{question}");
    assert!(!made[3].text().unwrap_or_default().contains('\\'), "{made:?}");
}

#[tokio::test]
async fn a_pair_that_is_not_direct_goes_by_way_of_a_third_and_keeps_its_marks() {
    let texts = ["I want to eat with my family.", "The blorfing is frumious."];
    let made = translated(&Apertium::default(), "por_for_eng", &texts).await;
    assert_eq!(made[0], done("Quero comer com minha família."));
    assert!(made[1].text().is_none(), "{made:?}");
}

#[tokio::test]
async fn the_programs_live_on_and_are_started_again_when_one_of_them_is_killed() {
    let apertium = Apertium::default();
    translated(&apertium, "spa_for_eng", &["I eat."]).await;
    let first = apertium.processes("eng-spa").await;
    assert!(first.len() > 5, "one for each program: {first:?}");
    translated(&apertium, "spa_for_eng", &["I sleep."]).await;
    assert_eq!(apertium.processes("eng-spa").await, first);

    let killed = std::process::Command::new("kill").args(["-9", &first[3].to_string()]).status();
    assert!(killed.expect("kill runs").success());
    let made = translated(&apertium, "spa_for_eng", &["I want to eat with my family."]).await;
    assert_eq!(made, [done("Quiero comer con mi familia.")]);
    assert_ne!(apertium.processes("eng-spa").await, first);
}

#[tokio::test]
async fn several_callers_at_a_time_each_get_their_own_answers() {
    let apertium = Apertium::default();
    let ask = |text: &'static str| {
        let apertium = &apertium;
        async move { translated(apertium, "spa_for_eng", &[text; 20]).await }
    };
    let (eat, learn) = tokio::join!(ask("I want to eat."), ask("I want to learn."));
    assert!(eat.iter().all(|made| *made == done("Quiero comer.")), "{eat:?}");
    assert!(learn.iter().all(|made| *made == done("Quiero aprender.")), "{learn:?}");
}

#[tokio::test]
async fn what_is_not_there_says_what_installs_it() {
    let welsh: LanguagePair = "cym_for_eng".parse().expect("a pair");
    let hello = ["Hello.".to_owned()];
    let cancel = CancellationToken::new();
    assert_eq!(Apertium::default().supports(&welsh), Ok(false));
    let error = Apertium::default().translate(&hello, &welsh, &cancel).await.unwrap_err();
    assert!(error.to_string().contains("spa_for_eng") && error.to_string().contains("no package"), "{error}");

    let nothing = Apertium::new("/nowhere");
    let error = nothing.supports(&welsh).unwrap_err();
    assert!(matches!(error, ProviderError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("apt-get install apertium"), "{error}");

    let empty = tempfile::tempdir().expect("a folder");
    let portuguese: LanguagePair = "por_for_eng".parse().expect("a pair");
    let error = Apertium::new(empty.path()).translate(&hello, &portuguese, &cancel).await.unwrap_err();
    assert!(error.to_string().contains("apt-get install apertium-eng-spa apertium-es-pt"), "{error}");
}

#[test]
fn every_pair_that_our_hints_name_is_written_as_apertium_writes_it() {
    let installed: BTreeSet<String> = ["eng-spa", "es-pt", "spa-eng"].map(str::to_owned).into();
    let pair: LanguagePair = "por_for_eng".parse().expect("a pair");
    assert_eq!(route(&installed, &pair), Some(vec!["eng-spa".to_owned(), "es-pt".to_owned()]));
    assert_eq!(supported(&installed), ["eng_for_spa", "por_for_spa", "spa_for_eng"]);
}

/// Each pair's programs pass on what the pipe needs to tell a whole answer.
#[tokio::test]
async fn every_pair_that_is_installed_answers() {
    for pair in Apertium::default().pairs().expect("apertium") {
        // Its own each time: programs of all pairs together need a gigabyte.
        let made = translated(&Apertium::default(), &pair, &["2026."]).await;
        assert_eq!(made, [done("2026.")], "{pair}");
    }
}
