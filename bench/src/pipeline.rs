//! The reference pipeline: seven phases, one fan-out, one join.
//!
//! translation ── extraction ──┬── baskets ── grammar ──┬── manifest ── tts
//!                             └── introductions ───────┘

/// A phase, by its place here.
pub type Phase = usize;

/// All phases.
pub const PHASES: [&str; 7] =
    ["translation", "extraction", "baskets", "grammar", "introductions", "manifest", "tts"];
/// The first.
pub const FIRST: Phase = 0;
/// The last.
pub const LAST: Phase = 6;
/// What must be through before each.
const BEFORE: [&[Phase]; 7] = [&[], &[0], &[1], &[2], &[1], &[3, 4], &[5]];

/// A phase by its name.
#[must_use]
pub fn named(name: &str) -> Option<Phase> {
    PHASES.iter().position(|phase| *phase == name)
}

/// What must be through before a phase.
#[must_use]
pub fn before(phase: Phase) -> &'static [Phase] {
    BEFORE[phase]
}

/// The phases that may start because `phase` is through, given all that are (a bit each).
pub fn ready_after(phase: Phase, through: u8) -> impl Iterator<Item = Phase> {
    (0..PHASES.len()).filter(move |&next| {
        BEFORE[next].contains(&phase) && BEFORE[next].iter().all(|before| through & (1 << before) != 0)
    })
}

/// The pipeline as Segue reads it, with this name, done by one service.
#[must_use]
pub fn toml(name: &str, service: &str) -> String {
    let mut text = format!("name = \"{name}\"\n");
    for (phase, id) in PHASES.iter().enumerate() {
        let after: Vec<String> =
            BEFORE[phase].iter().map(|before| format!("{:?}", PHASES[*before])).collect();
        text.push_str(&format!(
            "\n[[phase]]\nid = \"{id}\"\nservice = \"{service}\"\nafter = [{}]\n",
            after.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_is_ready_after_the_later_of_both() {
        assert_eq!(ready_after(1, 0b00011).collect::<Vec<_>>(), [2, 4]);
        assert!(ready_after(3, 0b01111).next().is_none());
        assert_eq!(ready_after(4, 0b11111).collect::<Vec<_>>(), [5]);
        assert!(ready_after(LAST, 0b111_1111).next().is_none());
    }
}
