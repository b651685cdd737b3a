//! Seeds and LEGOs: tiling, collisions, order, references.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Report, folded, tokens};
use crate::model::{LegoKind, SeedLegos};

pub(super) fn check(files: &Files, report: &mut Report) {
    let mut meanings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut taught: BTreeSet<&str> = BTreeSet::new();
    for seed in &files.legos.seeds {
        if files.seeds.translations.get(&seed.seed_id) != Some(&seed.seed_pair) {
            report.find("seed-differs", &seed.seed_id, "it is not the sentence of seed_pairs.json");
        }
        tiling(seed, report);
        if seed.legos.is_empty() {
            report.find("seed-without-lego", &seed.seed_id, "nothing was taken out of it");
        }
        let mut molecular = false;
        for lego in &seed.legos {
            if molecular && lego.kind == LegoKind::Atomic {
                report.find("atomic-after-molecular", &lego.id, "a unit comes after what may be made of it");
            }
            molecular |= lego.kind == LegoKind::Molecular;
            if lego.kind == LegoKind::Molecular && lego.components.len() != tokens(&lego.lego.target).len() {
                report.find("components-incomplete", &lego.id, "not every word has its meaning");
            }
            meanings.entry(folded(&lego.lego.known)).or_default().insert(folded(&lego.lego.target));
            match (&lego.first_taught, lego.new) {
                (None, true) => {
                    report.legos += 1;
                    report.atomic += usize::from(lego.kind == LegoKind::Atomic);
                    taught.insert(&lego.id);
                }
                (Some(first), false) if taught.contains(first.as_str()) => {}
                _ => report.find("reference-wrong", &lego.id, "it is neither new nor taught before"),
            }
        }
    }
    for seed in files.seeds.translations.keys() {
        if !files.legos.seeds.iter().any(|taken| taken.seed_id == *seed) {
            report.find("seed-missing", seed, "it was not taken apart");
        }
    }
    for (known, targets) in meanings.into_iter().filter(|(_, targets)| targets.len() > 1) {
        report.collisions += 1;
        report.find("collision", known, targets.into_iter().collect::<Vec<_>>().join(" | "));
    }
}

fn tiling(seed: &SeedLegos, report: &mut Report) {
    let mut rebuilt = Vec::new();
    for id in &seed.tiling {
        match seed.legos.iter().find(|lego| lego.id == *id) {
            Some(lego) => rebuilt.extend(tokens(&lego.lego.target)),
            None => report.find("tile-unknown", &seed.seed_id, id.clone()),
        }
    }
    if rebuilt == tokens(&seed.seed_pair.target) {
        report.seeds_that_tile += 1;
    } else {
        report.find(
            "tiling-broken",
            &seed.seed_id,
            format!("{} / {}", rebuilt.join(" "), seed.seed_pair.target),
        );
    }
}
