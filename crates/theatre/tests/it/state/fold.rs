//! What events mean: whatever happens in whatever order, the state that lives is the one that is replayed, and the later
//! sentence wins.

use jiff::SignedDuration;
use proptest::prelude::*;
use theatre::{
    model::{Action, ModelAnswer, Pending, Temporal, Understanding},
    state::{
        command::{Command, Refused, Reply, decide},
        event::Entry,
        fold,
        room::Room,
    },
};

use super::support::{Bare, Hands, chosen, id, toggle, understanding};

/// Something that may happen in a theatre.
#[derive(Debug, Clone)]
enum Move {
    Select,
    Say,
    /// The rules' answer to the utterance that is so many back.
    Understood(u64, u8, Action, bool),
    Answered(u64, bool),
    Override(u8, Action, u64),
    Release(u8),
    Settle(u64, bool),
    Wait(i64),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::On), Just(Action::Off), Just(Action::Standby)]
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        1 => Just(Move::Select),
        6 => Just(Move::Say),
        8 => (0..6u64, 1..11u8, action(), any::<bool>())
            .prop_map(|(back, machine, to, later)| Move::Understood(back, machine, to, later)),
        3 => (0..6u64, any::<bool>()).prop_map(|(back, degraded)| Move::Answered(back, degraded)),
        4 => (1..11u8, action(), 0..800u64).prop_map(|(machine, to, minutes)| Move::Override(machine, to, minutes)),
        2 => (1..11u8).prop_map(Move::Release),
        2 => (0..5u64, any::<bool>()).prop_map(|(pending, happens)| Move::Settle(pending, happens)),
        4 => (0..4_000i64).prop_map(Move::Wait),
    ]
}

fn command(room: &Room, one: &Move) -> Command {
    let machine = |number: u8| format!("M{number:02}");
    let operator = "Ada".to_owned();
    let utterance = |back: u64| room.last_utterance.saturating_sub(back);
    let said_at = |number| room.said.get(&number).map_or(room.at, |brief| brief.said_at);
    match one {
        Move::Select => Command::Select { surgery: chosen(), operator },
        Move::Say => Command::Say { text: "words".to_owned(), speaker: "surgeon".to_owned(), said_at: None },
        Move::Understood(back, number, to, later) => {
            let now = toggle(&machine(*number), *to);
            let pending = Pending {
                toggle: now.clone(),
                temporal: Temporal::InTime,
                condition: "in a while".to_owned(),
                in_seconds: (*number % 2 == 0).then_some(60),
            };
            let (toggles, pending) =
                if *later { (Vec::new(), vec![pending]) } else { (vec![now], Vec::new()) };
            let body = Understanding { toggles, pending, confidence: 0.9, ..Understanding::default() };
            let utterance = utterance(*back);
            Command::Understood(Reply { utterance, epoch: room.epoch, said_at: said_at(utterance), body })
        }
        Move::Answered(back, degraded) => {
            let body = ModelAnswer {
                phase: format!("Phase{}", back + 2),
                suggestions: vec!["look".to_owned(), "look".to_owned(), "administer 5 mg".to_owned()],
                degraded: *degraded,
                ..ModelAnswer::default()
            };
            let utterance = utterance(*back);
            Command::Answered(Reply { utterance, epoch: room.epoch, said_at: said_at(utterance), body })
        }
        Move::Override(number, action, minutes) => Command::Override {
            machine_id: machine(*number),
            action: format!("{action:?}"),
            reason: "because".to_owned(),
            operator,
            minutes: Some(*minutes),
        },
        Move::Release(number) => Command::Release { machine_id: machine(*number), operator },
        Move::Settle(pending, happens) => Command::Settle { pending: *pending, happens: *happens, operator },
        Move::Wait(_) => Command::Tick,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_state_that_lives_is_the_one_that_is_replayed(moves in prop::collection::vec(a_move(), 1..60)) {
        let hands = Hands::new();
        let (mut room, mut entries) = (Room::default(), Vec::<Entry>::new());
        for one in &moves {
            if let Move::Wait(seconds) = one {
                hands.pass(SignedDuration::from_secs(*seconds));
            }
            let Ok((_, happened)) = decide(&room, command(&room, one), hands.now()) else { continue };
            for (who, event) in happened {
                let entry = Entry { seq: room.seq + 1, at: hands.now(), who, event };
                fold::apply(&mut room, &entry);
                entries.push(entry);
            }
        }
        // Through JSON, as it would come from the disk.
        let text = serde_json::to_string(&entries).expect("JSON");
        let read: Vec<Entry> = serde_json::from_str(&text).expect("entries");
        prop_assert_eq!(&fold::fold(&read), &room);
        prop_assert!(room.suggestions.len() <= 1, "in order and without doubles: {:?}", room.suggestions);
        prop_assert!(!text.contains("administer 5"), "unsafe words are in no event");
        for machine in room.machines.values() {
            let left = machine.over.as_ref().map(|over| over.until.duration_since(over.since));
            prop_assert!(left.is_none_or(|left| left <= SignedDuration::from_hours(12)));
        }
    }
}

#[tokio::test]
async fn the_later_sentence_wins_though_its_answer_comes_first() {
    let bare = Bare::open().await;
    let first = bare.say("suction on").await;
    let second = bare.say("suction off").await;
    bare.understood(second, understanding(&[("M06", Action::Off)])).await;
    bare.understood(first, understanding(&[("M06", Action::On), ("M05", Action::On)])).await;
    assert_eq!(bare.machine("M06").await.0, Action::Off, "the older one is late");
    assert_eq!(bare.machine("M05").await.0, Action::On, "of another machine it is not");
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!(room.last.iter().map(|one| one.machine_id.as_str()).collect::<Vec<_>>(), ["M06"]);
}

#[tokio::test]
async fn the_same_command_within_three_seconds_is_one_heard_twice() {
    let bare = Bare::open().await;
    for (wait, debounced) in [(0, false), (2_999, true), (3_000, false)] {
        bare.hands.pass(SignedDuration::from_millis(wait));
        let said = bare.say("suction on").await;
        bare.understood(said, understanding(&[("M06", Action::On)])).await;
        let patch = bare.theatre.look().await.expect("it runs").patch;
        assert_eq!(patch.debounced.contains(&id("M06")), debounced, "after {wait} ms");
        assert_eq!(patch.toggles.is_empty(), debounced);
    }
    let said = bare.say("suction off").await;
    bare.understood(said, understanding(&[("M06", Action::Off)])).await;
    assert_eq!(bare.machine("M06").await.0, Action::Off, "the opposite is never debounced");
}

#[tokio::test]
async fn what_is_pending_happens_in_its_time_or_when_somebody_says_so() {
    let bare = Bare::open().await;
    let later = |machine: &str, in_seconds: Option<u64>| Pending {
        toggle: toggle(machine, Action::On),
        temporal: if in_seconds.is_some() { Temporal::InTime } else { Temporal::After },
        condition: "after the access".to_owned(),
        in_seconds,
    };
    let said = bare.say("in two minutes ... and after the access ... and when it is dry").await;
    let pending = vec![later("M04", Some(120)), later("M05", None), later("M06", None)];
    bare.understood(said, Understanding { pending, ..Understanding::default() }).await;
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!(room.next_due(), Some(bare.hands.now() + SignedDuration::from_secs(120)));
    bare.hands.pass(SignedDuration::from_secs(119));
    bare.tell(Command::Tick).await;
    assert_eq!(bare.machine("M04").await.0, Action::Off);
    bare.hands.pass(SignedDuration::from_secs(1));
    bare.tell(Command::Tick).await;
    assert_eq!(bare.machine("M04").await, (Action::On, "rule".to_owned(), "surgeon".to_owned()));
    let settle = |pending, happens| Command::Settle { pending, happens, operator: "Ada".to_owned() };
    bare.say("something else").await;
    bare.tell(settle(2, true)).await;
    bare.tell(settle(3, false)).await;
    assert_eq!(bare.machine("M05").await, (Action::On, "rule".to_owned(), "Ada".to_owned()));
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!(
        room.machines[&id("M05")].layer().utterance,
        Some(said),
        "whose words it was, though more was said since"
    );
    assert_eq!(bare.machine("M06").await.0, Action::Off, "dropped");
    assert_eq!(bare.theatre.tell(settle(3, true)).await, Err(Refused::UnknownPending(3)));
}

#[tokio::test]
async fn what_was_due_while_nobody_was_there_to_see_to_it_is_not_done() {
    let bare = Bare::open().await;
    let said = bare.say("irrigation on in one minute").await;
    let pending = Pending {
        toggle: toggle("M05", Action::On),
        temporal: Temporal::InTime,
        condition: "in one minute".to_owned(),
        in_seconds: Some(60),
    };
    bare.understood(said, Understanding { pending: vec![pending], ..Understanding::default() }).await;
    bare.hands.pass(SignedDuration::from_mins(12));
    bare.tell(Command::Tick).await;
    let room = bare.theatre.look().await.expect("it runs");
    assert!(room.pending.is_empty() && room.machines[&id("M05")].state() == Action::Off);
}

#[tokio::test]
async fn the_model_sets_the_phase_and_suggests_and_switches_nothing() {
    let bare = Bare::open().await;
    let said = bare.say("we are in").await;
    let answer = ModelAnswer {
        phase: "Phase3".to_owned(),
        reasoning: "access is under way".to_owned(),
        next_phase: "Phase4".to_owned(),
        toggles: vec![toggle("M07", Action::On), toggle("M09", Action::Off)],
        suggestions: ["b", "a", "b", "give 5 mg now"].map(str::to_owned).to_vec(),
        confidence: 0.99,
        ..ModelAnswer::default()
    };
    bare.tell(Command::Answered(bare.reply(said, answer.clone()).await)).await;
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!((room.phase.as_str(), room.next_phase.as_str()), ("Phase3", "Phase4"));
    assert_eq!(
        (room.suggestions, room.violations),
        (vec!["b".to_owned(), "a".to_owned()], vec!["give-drug".to_owned()])
    );
    assert_eq!((bare.machine("M07").await.0, bare.machine("M09").await.0), (Action::Off, Action::On));
    // One that cannot answer takes nothing back; a phase that the surgery does not have is not taken.
    let said = bare.say("hm").await;
    let none = ModelAnswer { degraded: true, reasoning: "no answer".to_owned(), ..ModelAnswer::default() };
    bare.tell(Command::Answered(bare.reply(said, none).await)).await;
    let said = bare.say("hm").await;
    let strange = ModelAnswer { phase: "Phase9".to_owned(), ..answer };
    bare.tell(Command::Answered(bare.reply(said, strange).await)).await;
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!(room.phase, "Phase3");
}
