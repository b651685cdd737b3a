//! The faults of the original that concern the state, each as a test named after it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use theatre::{
    model::{Action, ModelAnswer},
    state::command::{Command, Outcome, Refused, Reply},
};

use super::support::{Bare, House, chosen, next, understanding, until};

fn forced(machine: &str, action: &str) -> Command {
    Command::Override {
        machine_id: machine.to_owned(),
        action: action.to_owned(),
        reason: "smoke".to_owned(),
        operator: "Ada".to_owned(),
        minutes: Some(30),
    }
}

#[tokio::test]
async fn fault_1_an_override_holds_at_once_and_through_every_patch_until_it_is_released() {
    let bare = Bare::open().await;
    let mut live = bare.theatre.follow();
    let said = bare.say("ventilator on").await;
    bare.understood(said, understanding(&[("M03", Action::On)])).await;
    bare.tell(forced("M03", "OFF")).await;
    // Without any patch after it: it is shown.
    let mut shown = live.recv().await.expect("a commit");
    while !shown.json.contains("smoke") {
        shown = live.recv().await.expect("a commit");
    }
    assert_eq!(bare.machine("M03").await, (Action::Off, "override".to_owned(), "Ada".to_owned()));
    for _ in 0..3 {
        let said = bare.say("ventilator on").await;
        bare.hands.pass(SignedDuration::from_secs(5));
        bare.understood(said, understanding(&[("M03", Action::On)])).await;
        assert_eq!(bare.machine("M03").await.0, Action::Off, "no patch undoes it");
    }
    bare.tell(Command::Release { machine_id: "M03".to_owned(), operator: "Ada".to_owned() }).await;
    assert_eq!(bare.machine("M03").await.0, Action::On, "what was said meanwhile was remembered");
}

#[tokio::test]
async fn fault_1_an_override_ends_by_itself_and_never_later_than_after_twelve_hours() {
    let bare = Bare::open().await;
    bare.tell(forced("M06", "STANDBY")).await;
    bare.hands.pass(SignedDuration::from_mins(29));
    bare.tell(Command::Tick).await;
    assert_eq!(bare.machine("M06").await.0, Action::Standby);
    bare.hands.pass(SignedDuration::from_mins(1));
    bare.tell(Command::Tick).await;
    assert_eq!(bare.machine("M06").await.0, Action::Off);
    for minutes in [0, 721, 24 * 60, u64::MAX] {
        let Command::Override { machine_id, action, reason, operator, .. } = forced("M06", "ON") else {
            unreachable!()
        };
        let command = Command::Override { machine_id, action, reason, operator, minutes: Some(minutes) };
        assert_eq!(bare.theatre.tell(command).await, Err(Refused::OverrideTooLong(minutes)));
    }
}

#[tokio::test]
async fn fault_2_patches_of_one_moment_are_all_taken() {
    let bare = Bare::open().await;
    let (first, second) = (bare.say("monitor standby").await, bare.say("gas on").await);
    let one = bare.reply(first, understanding(&[("M01", Action::Standby)])).await;
    let other = bare.reply(second, understanding(&[("M02", Action::On)])).await;
    let (one, other) = tokio::join!(
        bare.theatre.tell(Command::Understood(one)),
        bare.theatre.tell(Command::Understood(other))
    );
    assert!(one.is_ok() && other.is_ok());
    assert_eq!((bare.machine("M01").await.0, bare.machine("M02").await.0), (Action::Standby, Action::On));
}

#[tokio::test]
async fn fault_5_standby_is_told_from_off_and_every_machine_says_who_and_why_and_since_when() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL", "operator": "Ada" })).await;
    let override_it =
        json!({ "machine_id": "M05", "action": "standby", "reason": "change of bag", "operator": "Ben" });
    house.well("/override", &override_it).await;
    let (_, state) = house.get("/state").await;
    assert_eq!(state["machines"]["1"], json!(["M01", "M09"]), "{state}");
    let machine = &state["metadata"]["machine_states"]["M05"];
    assert_eq!(
        (&machine["state"], &machine["source"], &machine["by"]),
        (&json!("STANDBY"), &json!("override"), &json!("Ben"))
    );
    assert_eq!(machine["override"]["reason"], "change of bag");
    assert!(machine["since"].as_str().is_some_and(|since| since.parse::<Timestamp>().is_ok()));
    assert_eq!(state["metadata"]["machine_states"]["M06"]["state"], "OFF");
    // The top level is the original's, member by member.
    let members: Vec<&String> = state.as_object().expect("an object").keys().collect();
    assert_eq!(members.len(), 6, "{members:?}");
}

#[tokio::test]
async fn fault_6_a_late_answer_for_an_old_surgery_is_dropped_and_noted() {
    let bare = Bare::open().await;
    let said = bare.say("suction on").await;
    let rules = bare.reply(said, understanding(&[("M06", Action::On)])).await;
    let answer = ModelAnswer { phase: "Phase5".to_owned(), ..ModelAnswer::default() };
    let model = bare.reply(said, answer).await;
    bare.tell(Command::Select { surgery: chosen(), operator: "Ada".to_owned() }).await;
    assert_eq!(bare.tell(Command::Understood(rules)).await.outcome, Outcome::Dropped);
    assert_eq!(bare.tell(Command::Answered(model)).await.outcome, Outcome::Dropped);
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!((room.phase.as_str(), room.opinion), ("Phase1", None));
    // The utterance that had no job yet counts too.
    assert_eq!(room.dropped, 3);
    assert_eq!(bare.machine("M06").await.0, Action::Off);
}

#[tokio::test]
async fn fault_6_an_answer_for_a_theatre_of_the_same_name_in_another_life_is_dropped() {
    let bare = Bare::open().await;
    let said = bare.say("suction on").await;
    let reply: Reply<_> = bare.reply(said, understanding(&[("M06", Action::On)])).await;
    let said_at = reply.said_at - SignedDuration::from_hours(1);
    let done = bare.tell(Command::Understood(Reply { said_at, ..reply })).await;
    assert_eq!(done.outcome, Outcome::Dropped);
}

#[tokio::test]
async fn fault_7_the_phase_and_the_machines_go_back_to_rules_and_model() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/transcript", &json!({ "text": "suction on", "speaker": "surgeon" })).await;
    let first = house.desk.jobs(1).await.remove(0);
    assert_eq!(first["input"]["context"]["on"], json!(["M01", "M09"]));
    house.apply(&first, "apply_rules", "rules", &json!(understanding(&[("M06", Action::On)]))).await;
    let answer = ModelAnswer { phase: "Phase3".to_owned(), ..ModelAnswer::default() };
    house.apply(&first, "apply_model", "llm", &json!(answer)).await;
    house.well("/transcript", &json!({ "text": "and the light", "speaker": "nurse" })).await;
    let second = house.desk.jobs(2).await.remove(1);
    let input = &second["input"];
    assert_eq!((&input["phase"], &input["context"]["on"]), (&json!("Phase3"), &json!(["M01", "M06", "M09"])));
    let last = json!([{ "machineId": "M06", "action": "ON", "was": "OFF" }]);
    assert_eq!(input["context"]["last"], last);
    let lines: Vec<&Value> = input["context"]["window"].as_array().expect("lines").iter().collect();
    assert_eq!((lines.len(), &lines[1]["speaker"]), (2, &json!("nurse")));
}

#[tokio::test]
async fn fault_8_a_new_surgery_leaves_nothing_of_the_old_one() {
    let bare = Bare::open().await;
    let said = bare.say("suction on").await;
    bare.understood(said, understanding(&[("M06", Action::On)])).await;
    bare.tell(forced("M07", "ON")).await;
    bare.tell(Command::Select { surgery: chosen(), operator: "Ada".to_owned() }).await;
    let room = bare.theatre.look().await.expect("it runs");
    assert_eq!((room.epoch, room.window.len(), room.last.len(), room.said.len()), (2, 0, 0, 0));
    for (machine, state) in [("M01", Action::On), ("M06", Action::Off), ("M07", Action::Off)] {
        assert_eq!(bare.machine(machine).await, (state, "default".to_owned(), "definition".to_owned()));
    }
}

#[tokio::test]
async fn fault_9_speaker_and_operator_are_in_state_and_audit() {
    let mut house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "Lobectomy", "operator": "Ada" })).await;
    house.well("/transcript", &json!({ "text": "suction on", "speaker": "scrub nurse" })).await;
    house.well("/override", &json!({ "machine_id": "M07", "action": "OFF", "operator": "Ben" })).await;
    house.well("/override/release", &json!({ "machine_id": "M07", "operator": "Cleo" })).await;
    let (_, history) = house.get("/history").await;
    let who: Vec<&str> = history["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["kind"] != "job_started")
        .filter_map(|entry| entry["who"].as_str())
        .collect();
    assert_eq!(who, ["system", "Ada", "scrub nurse", "Ben", "Cleo"]);
    let (_, state) = house.get("/state").await;
    assert_eq!(state["metadata"]["transcript"][0]["speaker"], "scrub nurse");
    house.stop().await;
}

#[tokio::test]
async fn fault_10_without_the_token_nothing_is_told_and_nothing_done() {
    let house = House::with_token(Some("a-token-of-the-theatre")).await;
    let bare = |request: reqwest::RequestBuilder| async {
        request.send().await.expect("an answer").status().as_u16()
    };
    for path in ["/state", "/history", "/stats", "/machines", "/theatres/main/state"] {
        assert_eq!(bare(house.client().get(house.url(path))).await, 401, "{path}");
    }
    let select = json!({ "surgery": "PCNL" });
    for token in ["", "wrong", "a-token-of-the-theatr"] {
        let call = house.client().post(house.url("/select_surgery")).bearer_auth(token).json(&select);
        assert_eq!(bare(call).await, 401, "{token}");
    }
    assert_eq!(bare(house.client().get(house.url("/health"))).await, 200);
    assert_eq!(bare(house.client().get(house.url("/"))).await, 200, "the page asks for the token");
    house.well("/select_surgery", &select).await;
    // The page of a stranger, in a browser that has no token to send where none is asked for.
    let open = House::open().await;
    let strange = open.client().post(open.url("/select_surgery")).header("origin", "http://elsewhere.test");
    assert_eq!(bare(strange.json(&select)).await, 403);
}

#[tokio::test]
async fn fault_10_who_does_not_read_delays_nobody() {
    let house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    // Never read from; what is sent to it fills up.
    let _slow = house.socket("/ws/state").await;
    let mut quick = house.socket("/ws/state").await;
    next(&mut quick).await;
    let reason = "x".repeat(400);
    for number in 0..600 {
        let action = if number % 2 == 0 { "ON" } else { "OFF" };
        let call = json!({ "machine_id": "M06", "action": action, "reason": reason });
        let seq = house.well("/override", &call).await["seq"].clone();
        until(&mut quick, |state| state["metadata"]["seq"] == seq).await;
    }
}

#[tokio::test]
async fn fault_10_an_action_that_does_not_exist_is_refused() {
    let bare = Bare::open().await;
    for action in ["", "BROKEN", "ON OFF", "１"] {
        let refused = bare.theatre.tell(forced("M06", action)).await;
        assert_eq!(refused, Err(Refused::UnknownAction(action.to_owned())));
    }
    for machine in ["M10", "M99", "m06", "", "../M01"] {
        let refused = bare.theatre.tell(forced(machine, "ON")).await;
        assert!(matches!(refused, Err(Refused::UnknownMachine { .. })), "{machine}");
    }
}

#[tokio::test]
async fn fault_10_what_is_under_way_is_written_before_the_end() {
    let mut house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.desk.shut(true);
    for number in 0..10 {
        house.well("/transcript", &json!({ "text": format!("sentence {number}") })).await;
    }
    house.stop().await;
    let copy = std::fs::read(house.folder.path().join("theatres/main/state.json")).expect("the copy");
    let copy: Value = serde_json::from_slice(&copy).expect("it is whole");
    assert_eq!(copy["metadata"]["last_utterance"], 10);
    house.start();
    assert_eq!(house.get("/state").await.1, copy);
}

#[tokio::test]
async fn fault_11_everything_survives_a_kill() {
    let mut house = House::open().await;
    house.well("/select_surgery", &json!({ "surgery": "PCNL" })).await;
    house.well("/override", &json!({ "machine_id": "M06", "action": "ON", "operator": "Ada" })).await;
    house.well("/select_surgery?theatre=two", &json!({ "surgery": "Lobectomy" })).await;
    let (_, before) = house.get("/state").await;
    house.kill();
    house.start();
    assert_eq!(house.get("/state").await.1, before);
    assert_eq!(house.get("/theatres/two/state").await.1["metadata"]["surgery"], "Lobectomy");
    assert_eq!(house.get("/audit/verify").await.1["ok"], true);
}
