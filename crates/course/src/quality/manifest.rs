//! Introductions, manifest and audio: everything that is spoken has its samples, and every sample its file.

use std::collections::BTreeSet;

use super::{Files, Report};
use crate::model::{LegoKind, Role};

pub(super) fn check(files: &Files, report: &mut Report) {
    introductions(files, report);
    for slice in &files.manifest.slices {
        let mut ids = BTreeSet::new();
        for (text, samples) in &slice.samples {
            for sample in samples {
                report.samples += 1;
                report.speech_seconds += sample.duration;
                if sample.id != sample.id.to_uppercase() || !ids.insert(&sample.id) {
                    report.find("sample-id", &sample.id, "it is not in capitals, or not the only one");
                }
                if sample.duration <= 0.0 {
                    report.find("sample-silent", &sample.id, text.clone());
                }
                if !files.audio.iter().any(|name| name.split('.').next() == Some(sample.id.as_str())) {
                    report.find("audio-missing", &sample.id, text.clone());
                }
            }
        }
        for seed in &slice.seeds {
            if seed.id != seed.node.id {
                report.find("seed-id", &seed.id, "it is not that of its node");
            }
            let nodes = seed.introduction_items.iter().flat_map(|item| item.nodes.iter().chain([&item.node]));
            for node in nodes.chain([&seed.node]) {
                for (text, roles) in [
                    (&node.target.text, &[Role::Target1, Role::Target2][..]),
                    (&node.known.text, &[Role::Source][..]),
                ] {
                    let there = slice.samples.get(text);
                    let has = |role: &Role| there.is_some_and(|all| all.iter().any(|one| one.role == *role));
                    if !roles.iter().all(has) {
                        report.find("sample-missing", &node.id, text.clone());
                    }
                }
            }
        }
    }
}

fn introductions(files: &Files, report: &mut Report) {
    let mut expected = BTreeSet::new();
    for seed in &files.legos.seeds {
        for lego in seed.legos.iter().filter(|lego| lego.new) {
            expected.insert(&lego.id);
            let Some(presentation) = files.introductions.presentations.get(&lego.id) else {
                report.find("introduction-missing", &lego.id, lego.lego.known.clone());
                continue;
            };
            let all_parts = lego.components.iter().all(|part| presentation.text.contains(&part.target));
            if lego.kind == LegoKind::Molecular && !presentation.edited && !all_parts {
                report.find("introduction-parts", &lego.id, presentation.text.clone());
            }
        }
    }
    for id in files.introductions.presentations.keys().filter(|id| !expected.contains(id)) {
        report.find("introduction-orphaned", id, "no new LEGO has this id");
    }
}
