//! How good a course made from our own sentences is: the seeds go through extraction, baskets and the checker in memory, and
//! figures and samples are printed. `cargo run -p course --example quality [FIRST_SEEDS] [SAMPLES]`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use course::{
    baskets::make::Maker,
    extraction::extract,
    model::{
        Cadence, CourseManifest, FORMAT_VERSION, Introductions, LegoBaskets, ManifestIntroduction, Pair,
        Role, SeedPairs,
    },
    quality::{Files, Report, check},
};

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let (first, samples) = (arguments.next().unwrap_or(668), arguments.next().unwrap_or(40));
    let started = Instant::now();
    let pairs = seeds(first);
    let legos = extract(&pairs, None).legos;
    println!("extraction {:?}", started.elapsed());
    if std::env::var_os("LEGOS").is_some() {
        for seed in &legos.seeds {
            let tile = |id: &String| seed.legos.iter().find(|lego| lego.id == *id);
            let tiles: Vec<String> = seed
                .tiling
                .iter()
                .filter_map(tile)
                .map(|l| format!("{}={}", l.lego.known, l.lego.target))
                .collect();
            println!("{} {}", seed.seed_id, tiles.join(" | "));
        }
    }
    let started = Instant::now();
    let maker = Maker::new(&legos);
    println!("evidence {:?}", started.elapsed());
    let baskets = maker.baskets(0..legos.seeds.len(), &course::baskets::kept::Kept::of(None, &legos.course));
    println!("baskets {:?}", started.elapsed());
    let course = pairs.course.clone();
    let files = Files {
        seeds: pairs,
        legos,
        baskets: LegoBaskets { version: FORMAT_VERSION.to_owned(), course: course.clone(), baskets },
        introductions: Introductions {
            version: FORMAT_VERSION.to_owned(),
            course,
            target: "spa".to_owned(),
            known: "eng".to_owned(),
            presentations: BTreeMap::new(),
        },
        manifest: no_manifest(),
        audio: BTreeSet::new(),
    };
    figures(&check(&files));
    lengths(&files);
    if std::env::var_os("SHORT").is_some() {
        for (id, b) in files.baskets.baskets.iter().filter(|(_, b)| b.phrase_count < 10).step_by(12) {
            println!("SHORT {id} {} = {}: {}", b.lego.known, b.lego.target, b.phrase_count);
        }
    }
    show(&files, samples);
}

fn seeds(first: usize) -> SeedPairs {
    let lines = include_str!("../seeds/memory/eng-spa.tsv").lines().take(first);
    let pairs = lines.filter_map(|line| line.split_once('\t')).enumerate().map(|(n, (known, target))| {
        (format!("S{:04}", n + 1), Pair { known: known.to_owned(), target: target.to_owned() })
    });
    let translations: BTreeMap<String, Pair> = pairs.collect();
    SeedPairs {
        version: FORMAT_VERSION.to_owned(),
        course: "spa_for_eng".to_owned(),
        target_language: "spa".to_owned(),
        known_language: "eng".to_owned(),
        total_seeds: translations.len(),
        translations,
        held_back: BTreeMap::new(),
    }
}

fn no_manifest() -> CourseManifest {
    let introduction = ManifestIntroduction {
        id: String::new(),
        cadence: Cadence::Natural,
        role: Role::Presentation,
        duration: 0.0,
    };
    let text = String::new;
    let (version, status) = (text(), text());
    CourseManifest {
        id: text(),
        known: text(),
        target: text(),
        version,
        status,
        introduction,
        slices: Vec::new(),
    }
}

fn figures(report: &Report) {
    let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!("tile {}/{}, collisions {}", report.seeds_that_tile, report.seeds, report.collisions);
    println!("LEGOs {}, atomic {:.1} %", report.legos, share(report.atomic, report.legos));
    println!(
        "baskets {}, ten phrases {:.1} %, phrases {} ({:.1} a basket), gate breaks {}, empty {}",
        report.baskets,
        share(report.baskets - report.short_baskets, report.baskets),
        report.phrases,
        report.phrases as f64 / report.baskets.max(1) as f64,
        report.gate_breaks,
        report.empty_baskets
    );
    let mut codes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in &report.findings {
        codes.entry(finding.code).or_default().push(&finding.place);
    }
    for (code, places) in codes.iter().filter(|(code, _)| !code.starts_with("introduction")) {
        println!("finding {code}: {} {:?}", places.len(), &places[..places.len().min(5)]);
    }
}

/// How many phrases have how many LEGOs, and how many baskets have 2-2-2-4.
fn lengths(files: &Files) {
    let mut all: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut full, mut by_hundred) = (0, BTreeMap::<usize, (usize, usize)>::new());
    for (id, basket) in &files.baskets.baskets {
        let mut here = [0; 4];
        for phrase in &basket.practice_phrases {
            *all.entry(phrase.legos.len()).or_default() += 1;
            here[phrase.legos.len().clamp(2, 5) - 2] += 1;
        }
        full += usize::from(here[0] >= 2 && here[1] >= 2 && here[2] >= 2 && here[3] >= 4);
        let seed: usize = id[1..5].parse().unwrap_or(0);
        let of = by_hundred.entry((seed - 1) / 100).or_default();
        of.0 += 1;
        of.1 += usize::from(basket.phrase_count >= 10);
    }
    println!("2-2-2-4 {full} of {}; phrases by LEGOs {all:?}", files.baskets.baskets.len());
    println!("baskets and those with ten, by hundred seeds {by_hundred:?}");
}

/// Every n-th, so that the samples come from the whole course and are the same each time.
fn show(files: &Files, samples: usize) {
    let legos: Vec<_> =
        files.legos.seeds.iter().flat_map(|seed| &seed.legos).filter(|lego| lego.new).collect();
    for lego in legos.iter().step_by((legos.len() / samples.max(1)).max(1)).take(samples) {
        println!("LEGO {} {} = {}", lego.id, lego.lego.known, lego.lego.target);
    }
    let phrases: Vec<_> = files
        .baskets
        .baskets
        .iter()
        .flat_map(|(id, basket)| basket.practice_phrases.iter().map(move |phrase| (id, phrase)))
        .filter(|(_, phrase)| phrase.legos.len() > 1 && !phrase.target.ends_with(['.', '?', '!']))
        .collect();
    for (id, phrase) in phrases.iter().step_by((phrases.len() / samples.max(1)).max(1)).take(samples) {
        println!("PHRASE {id} {} = {} ({})", phrase.known, phrase.target, phrase.legos.len());
    }
}
