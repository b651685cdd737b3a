//! The manifest: what it contains, that it is always the same, and that nothing wrong is ever written.

use std::collections::{BTreeMap, BTreeSet};

use course::manifest::batches::samples_in_order;
use course::manifest::compile::{CompileError, CourseFiles, compile};
use course::manifest::make::{FileBytes, Made, ManifestError, make};
use course::manifest::validate::violations;
use course::model::{
    Basket, Introductions, Lego, LegoBaskets, LegoKind, LegoPairs, Pair, Phrase, Presentation, Role,
    SeedLegos, SeedPairs,
};

fn pair(known: &str, target: &str) -> Pair {
    Pair { known: known.to_owned(), target: target.to_owned() }
}

/// A course of two sentences: enough for a LEGO taught before, an item that is a phrase, and a final seed.
pub(crate) fn small_course(course: &str) -> CourseFiles {
    let seeds = [
        (
            "S0001",
            pair("I want to speak", "quiero hablar"),
            vec![
                ("S0001L01", true, pair("I want", "quiero")),
                ("S0001L02", true, pair("to speak", "hablar")),
            ],
        ),
        (
            "S0002",
            pair("I want to learn", "quiero aprender"),
            vec![
                ("S0002L01", false, pair("I want", "quiero")),
                ("S0002L02", true, pair("to learn", "aprender")),
            ],
        ),
    ];
    let phrases = [
        ("S0001L01", vec![pair("I want", "quiero")]),
        ("S0001L02", vec![pair("to speak", "hablar"), pair("I want to speak", "quiero hablar")]),
        (
            "S0002L02",
            vec![
                pair("to speak, to learn", "hablar, aprender"),
                pair("to speak, to learn", "hablar, aprender"),
                pair("I want to learn", "quiero aprender"),
            ],
        ),
    ];
    CourseFiles {
        seed_pairs: SeedPairs {
            version: "1.0".to_owned(),
            course: course.to_owned(),
            target_language: "spa".to_owned(),
            known_language: "eng".to_owned(),
            total_seeds: 2,
            translations: seeds.iter().map(|(id, pair, _)| ((*id).to_owned(), pair.clone())).collect(),
            held_back: BTreeMap::new(),
        },
        lego_pairs: LegoPairs {
            version: "1.0".to_owned(),
            course: course.to_owned(),
            seeds: seeds.iter().map(|(id, pair, legos)| seed_legos(id, pair, legos)).collect(),
        },
        baskets: LegoBaskets {
            version: "1.0".to_owned(),
            course: course.to_owned(),
            baskets: phrases.iter().map(|(id, phrases)| ((*id).to_owned(), basket(phrases))).collect(),
        },
        introductions: Introductions {
            version: "1.0".to_owned(),
            course: course.to_owned(),
            target: "spa".to_owned(),
            known: "eng".to_owned(),
            presentations: phrases
                .iter()
                .map(|(id, phrases)| {
                    let text = format!("The Spanish is: … '{0}' … '{0}'", phrases[0].target);
                    ((*id).to_owned(), Presentation { text, edited: false })
                })
                .collect(),
        },
    }
}

fn seed_legos(id: &str, pair: &Pair, legos: &[(&str, bool, Pair)]) -> SeedLegos {
    let lego = |(id, new, pair): &(&str, bool, Pair)| Lego {
        id: (*id).to_owned(),
        kind: LegoKind::Atomic,
        new: *new,
        first_taught: (!new).then(|| "S0001L01".to_owned()),
        lego: pair.clone(),
        components: Vec::new(),
    };
    SeedLegos {
        seed_id: id.to_owned(),
        seed_pair: pair.clone(),
        legos: legos.iter().map(lego).collect(),
        tiling: legos.iter().map(|(id, _, _)| (*id).to_owned()).collect(),
    }
}

fn basket(phrases: &[Pair]) -> Basket {
    let phrase =
        |pair: &Pair| Phrase { known: pair.known.clone(), target: pair.target.clone(), legos: Vec::new() };
    Basket {
        lego: phrases[0].clone(),
        is_final_lego: true,
        phrase_count: phrases.len(),
        practice_phrases: phrases.iter().map(phrase).collect(),
        note: None,
    }
}

#[test]
fn a_manifest_has_its_seeds_items_and_phrases_and_a_sample_for_all_that_is_spoken() {
    let compiled = compile(&small_course("spa_for_eng")).expect("the files fit");
    let manifest = compiled.manifest;
    assert_eq!(violations(&manifest), []);
    assert_eq!((manifest.id.as_str(), manifest.version.as_str()), ("spa-eng", "0.1.0"));
    let slice = &manifest.slices[0];
    let items: Vec<_> = slice.seeds.iter().flat_map(|seed| &seed.introduction_items).collect();
    let targets: Vec<_> = items.iter().map(|item| item.node.target.text.as_str()).collect();
    assert_eq!(targets, ["quiero", "hablar", "aprender"]);
    assert_eq!(slice.seeds[0].node.target.tokens, ["quiero", "hablar"]);
    let roles: Vec<_> = slice.samples["quiero hablar"].iter().map(|sample| sample.role).collect();
    assert_eq!(roles, [Role::Target1, Role::Target2]);
    assert_eq!((slice.pooled_encouragements.len(), slice.ordered_encouragements.len()), (10, 5));
    assert!(slice.samples.values().flatten().any(|sample| sample.id == manifest.introduction.id));
}

#[test]
fn what_is_a_seed_an_item_or_an_earlier_phrase_is_not_repeated_as_a_phrase() {
    let compiled = compile(&small_course("spa_for_eng")).expect("the files fit");
    let slice = &compiled.manifest.slices[0];
    let phrases: Vec<_> = slice
        .seeds
        .iter()
        .flat_map(|seed| &seed.introduction_items)
        .flat_map(|item| &item.nodes)
        .map(|node| node.target.text.as_str())
        .collect();
    assert_eq!(phrases, ["hablar, aprender"]);
    assert_eq!(compiled.repeated, 5);
}

#[test]
fn equal_files_give_equal_bytes_and_another_course_shares_its_samples() {
    let manifest = |course| compile(&small_course(course)).expect("the files fit").manifest;
    let bytes = |course| serde_json::to_vec(&manifest(course)).expect("serialises");
    assert_eq!(bytes("spa_for_eng"), bytes("spa_for_eng"));
    let ids = |course| -> BTreeSet<String> {
        samples_in_order(&manifest(course)).into_iter().map(|sample| sample.id).collect()
    };
    assert_eq!(ids("spa_for_eng"), ids("spa_for_eng_short"));
}

#[test]
fn a_known_language_without_remarks_has_none_and_not_english_ones() {
    let mut files = small_course("spa_for_cym");
    files.seed_pairs.known_language = "cym".to_owned();
    let manifest = compile(&files).expect("the files fit").manifest;
    assert_eq!(violations(&manifest), []);
    let slice = &manifest.slices[0];
    assert!(slice.pooled_encouragements.is_empty() && slice.ordered_encouragements.is_empty());
    assert!(!slice.samples.keys().any(|text| text.contains("Welcome")));
}

#[test]
fn files_that_do_not_fit_together_are_named() {
    let code = |change: fn(&mut CourseFiles)| {
        let mut files = small_course("spa_for_eng");
        change(&mut files);
        compile(&files).err().as_ref().map(CompileError::code)
    };
    assert_eq!(code(|files| files.baskets.course = "fra_for_eng".to_owned()), Some("other-course"));
    assert_eq!(code(|files| files.lego_pairs.seeds[1].seed_pair.target.push('!')), Some("stale-legos"));
    assert_eq!(code(|files| drop(files.lego_pairs.seeds.pop())), Some("stale-legos"));
    assert_eq!(code(|files| drop(files.baskets.baskets.remove("S0002L02"))), Some("missing-basket"));
    assert_eq!(
        code(|files| drop(files.introductions.presentations.remove("S0002L02"))),
        Some("missing-introduction")
    );
}

#[test]
fn each_thing_that_a_manifest_may_not_be_is_found_by_name() {
    let codes = |change: fn(&mut course::model::CourseManifest)| {
        let mut manifest = compile(&small_course("spa_for_eng")).expect("the files fit").manifest;
        change(&mut manifest);
        let codes: BTreeSet<_> = violations(&manifest).iter().map(|violation| violation.code()).collect();
        codes.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(codes(|manifest| manifest.slices.clear()), ["manifest-slice-count"]);
    assert!(codes(|manifest| manifest.slices[0].seeds.clear()).contains(&"manifest-no-seeds"));
    assert_eq!(
        codes(|manifest| {
            let seed = manifest.slices[0].seeds[0].clone();
            manifest.slices[0].seeds.push(seed);
        }),
        ["manifest-duplicate-id", "manifest-duplicate-item", "manifest-duplicate-seed"]
    );
    assert_eq!(
        codes(|manifest| {
            let items = &mut manifest.slices[0].seeds[1].introduction_items;
            let mut node = items[0].node.clone();
            node.id.push('2');
            items[0].nodes.push(node);
        }),
        ["manifest-repeated-node"]
    );
    assert_eq!(codes(|manifest| manifest.slices[0].seeds[0].id.push('2')), ["manifest-node-id-differs"]);
    assert_eq!(
        codes(|manifest| manifest.slices[0].id = manifest.slices[0].id.to_lowercase()),
        ["manifest-id-not-upper-case"]
    );
    assert_eq!(
        codes(|manifest| drop(manifest.slices[0].samples.remove("quiero"))),
        ["manifest-missing-sample"]
    );
    assert_eq!(
        codes(|manifest| {
            let samples = manifest.slices[0].samples["quiero"].clone();
            manifest.slices[0].samples.insert("nada".to_owned(), samples);
        }),
        ["manifest-orphaned-sample", "manifest-wrong-sample"]
    );
}

/// The four files as bytes, as the phase fetches them.
pub(crate) fn small_course_files(course: &str) -> [Vec<u8>; 4] {
    let files = small_course(course);
    let bytes = |value: serde_json::Result<Vec<u8>>| value.expect("serialises");
    [
        bytes(serde_json::to_vec(&files.seed_pairs)),
        bytes(serde_json::to_vec(&files.lego_pairs)),
        bytes(serde_json::to_vec(&files.baskets)),
        bytes(serde_json::to_vec(&files.introductions)),
    ]
}

fn make_of(files: &[Vec<u8>; 4]) -> Result<Made, ManifestError> {
    let [seed_pairs, lego_pairs, baskets, introductions] = files;
    make(FileBytes { seed_pairs, lego_pairs, baskets, introductions })
}

#[test]
fn the_phase_tells_what_the_manifest_holds_and_cuts_its_samples_into_batches() {
    let made = make_of(&small_course_files("spa_for_eng")).expect("the files fit");
    let output = serde_json::to_value(&made.output).expect("serialises");
    expect_test::expect![[r#"{"encouragements":15,"heldBack":0,"items":3,"nodes":1,"repeated":5,"samples":37,"seeds":2,"speechBatches":[{"from":0,"index":0,"to":37}],"texts":31}"#]].assert_eq(&output.to_string());
    assert_eq!(made.bytes, make_of(&small_course_files("spa_for_eng")).expect("the files fit").bytes);
}

#[test]
fn a_damaged_file_is_named_with_its_line() {
    let mut files = small_course_files("spa_for_eng");
    files[2] = b"{\n  \"version\": 1\n}".to_vec();
    let error = make_of(&files).expect_err("a version is a text");
    assert_eq!(error.code(), "unreadable-course-file");
    assert!(error.to_string().starts_with("lego_baskets.json, line 2"), "{error}");

    let mut files = small_course_files("spa_for_eng");
    files[3] = String::from_utf8(files[3].clone()).expect("UTF-8").replace("1.0", "9.9").into_bytes();
    assert_eq!(make_of(&files).expect_err("another version").code(), "other-file-version");
}

#[test]
fn a_manifest_that_breaks_a_rule_is_not_made() {
    let mut files = small_course("spa_for_eng");
    let seed = files.lego_pairs.seeds[0].clone();
    files.seed_pairs.translations.insert("S0003".to_owned(), seed.seed_pair.clone());
    files.lego_pairs.seeds.push(SeedLegos { seed_id: "S0003".to_owned(), legos: Vec::new(), ..seed });
    let mut bytes = small_course_files("spa_for_eng");
    bytes[0] = serde_json::to_vec(&files.seed_pairs).expect("serialises");
    bytes[1] = serde_json::to_vec(&files.lego_pairs).expect("serialises");
    assert_eq!(make_of(&bytes).expect_err("a seed twice").code(), "manifest-duplicate-seed");
}
