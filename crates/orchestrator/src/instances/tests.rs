//! What is relied on: who is asked next, how much room there is, what becomes of attempts whose instance goes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use engine::ids::{AttemptId, Timestamp};
use protocol::InstanceState;
use uuid::Uuid;

use super::{Answered, Instances, Registration};
use crate::config;

const NOW: Timestamp = Timestamp(1_000_000);

fn instances(service: &str) -> Instances {
    let text = format!("[service.a]\n{service}");
    let config = config::read(&text, std::path::Path::new("/tmp"), &|_| None).unwrap();
    Instances::new(config.services.values().next().unwrap())
}

fn attempt(number: u128) -> AttemptId {
    AttemptId(Uuid::from_u128(number))
}

fn url(number: usize) -> Arc<str> {
    format!("http://10.0.0.{number}:80").into()
}

fn registration(number: usize, capacity: u32) -> Registration {
    Registration {
        id: format!("tts-{number}").into(),
        url: url(number),
        capacity: Some(capacity),
        version: None,
        lease: Duration::from_secs(30),
        draining: false,
    }
}

const REGISTERS: &str = "register = true\nnetworks = ['10.0.0.0/8']\n";

fn load(instances: &Instances, at: &str) -> u32 {
    instances.list(NOW).iter().find(|one| one.url == at).map_or(0, |one| one.running)
}

#[test]
fn attempts_are_spread_evenly_while_others_end() {
    let mut all = instances(REGISTERS);
    for number in 1..=15 {
        all.register(registration(number, 15), NOW).unwrap();
    }
    assert_eq!(all.room(), 225);
    for number in 0..225 {
        all.choose(attempt(number), &[], NOW).unwrap();
    }
    assert!((1..=15).all(|number| load(&all, &url(number)) == 15));
    // One third is over; as many come again.
    for number in (0..225).step_by(3) {
        all.over(attempt(number));
        all.choose(attempt(1_000 + number), &[], NOW).unwrap();
    }
    let loads: Vec<u32> = (1..=15).map(|number| load(&all, &url(number))).collect();
    assert!(loads.iter().all(|load| (14..=16).contains(load)), "{loads:?}");
    assert_eq!(loads.iter().sum::<u32>(), 225);
}

#[test]
fn who_has_more_room_gets_more_and_of_equals_each_in_turn() {
    let mut all = instances(REGISTERS);
    all.register(registration(1, 2), NOW).unwrap();
    all.register(registration(2, 6), NOW).unwrap();
    for number in 0..8 {
        all.choose(attempt(number), &[], NOW).unwrap();
    }
    assert_eq!((load(&all, &url(1)), load(&all, &url(2))), (2, 6));

    let mut listed = instances("urls = ['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://10.0.0.3:80']\n");
    let mut turns = Vec::new();
    for number in 0..6 {
        turns.push(listed.choose(attempt(number), &[], NOW).unwrap());
        listed.over(attempt(number));
    }
    assert_eq!(turns[..3], turns[3..]);
    assert_eq!(turns.iter().collect::<BTreeSet<_>>().len(), 3);
}

#[test]
fn who_was_busy_or_silent_is_passed_over_for_a_while_and_asked_where_nobody_else_is() {
    let mut all = instances("urls = ['http://10.0.0.1:80', 'http://10.0.0.2:80']\n");
    all.answered(&url(1), Answered::Busy(Duration::from_secs(2)), NOW);
    for number in 0..5 {
        assert_eq!(all.choose(attempt(number), &[], NOW), Some(url(2)));
    }
    assert_eq!(all.choose(attempt(9), &[url(2)], NOW), Some(url(1)), "nobody else");
    assert!(!all.has_other(&[url(2)], NOW));
    let later = NOW.after(Duration::from_secs(2));
    assert_eq!(all.choose(attempt(10), &[], later), Some(url(1)));
    // Each further silence makes it longer; an answer ends it.
    all.answered(&url(1), Answered::Nothing, NOW);
    all.answered(&url(1), Answered::Nothing, NOW);
    assert_eq!(all.choose(attempt(11), &[], NOW.after(Duration::from_secs(1))), Some(url(2)));
    assert_eq!(all.list(NOW)[0].state, InstanceState::Silent);
    all.answered(&url(1), Answered::Taken, NOW);
    assert_eq!(all.choose(attempt(12), &[], NOW), Some(url(1)));
}

#[test]
fn a_draining_instance_gets_nothing_and_what_it_does_takes_no_room_from_others() {
    let mut all = instances(REGISTERS);
    for number in 1..=3 {
        all.register(registration(number, 1), NOW).unwrap();
        all.choose(attempt(number as u128), &[], NOW).unwrap();
    }
    all.register(Registration { draining: true, ..registration(1, 1) }, NOW).unwrap();
    assert_eq!(all.room(), 3, "two that are ready, and what still runs");
    let busy = all.place_of(attempt(1)).unwrap();
    assert_eq!(busy, url(1));
    assert_ne!(all.choose(attempt(9), &[], NOW), Some(url(1)));
    assert!(all.over(attempt(1)), "the room is less now");
    assert_eq!(all.room(), 2);
    assert_eq!(all.place_of(attempt(1)), Some(url(1)), "a cancel that comes late finds it");
    // The same name comes back at another address.
    let back = Registration { url: url(7), ..registration(1, 1) };
    all.register(back, NOW).unwrap();
    assert_eq!(all.room(), 3);
    assert!(all.list(NOW).iter().all(|one| one.url != *url(1)));
}

#[test]
fn a_lapsed_lease_names_its_attempts_and_a_renewed_one_holds() {
    let mut all = instances(REGISTERS);
    all.register(registration(1, 4), NOW).unwrap();
    all.register(registration(2, 4), NOW).unwrap();
    let at_first = (0..4).map(attempt).filter(|one| all.choose(*one, &[], NOW).unwrap() == url(1));
    let at_first: BTreeSet<AttemptId> = at_first.collect::<Vec<_>>().into_iter().collect();
    let later = NOW.after(Duration::from_secs(29));
    all.register(registration(2, 4), later).unwrap();
    assert_eq!(all.lapse(later), None);
    let lapsed = all.lapse(NOW.after(Duration::from_secs(30))).unwrap();
    assert_eq!(lapsed.into_iter().collect::<BTreeSet<_>>(), at_first);
    assert_eq!(all.list(NOW)[0].state, InstanceState::Gone);
    assert!(all.addresses().contains(&(url(1), false)), "it may be asked still");
    assert_eq!(all.room(), 4 + 2);
    for attempt in at_first {
        all.over(attempt);
    }
    assert_eq!((all.room(), all.addresses().len()), (4, 1));
    assert_eq!(all.lapse(NOW.after(Duration::from_secs(90))).unwrap().len(), 2);
    assert_eq!(all.choose(attempt(99), &[], NOW), None, "nobody is there");
}

#[test]
fn room_is_never_more_than_is_allowed_and_is_as_declared_where_nobody_says_more() {
    let mut all = instances("register = true\nnetworks = ['10.0.0.0/8']\ncapacity = 6\n");
    for number in 1..=3 {
        all.register(registration(number, 4), NOW).unwrap();
    }
    assert_eq!(all.room(), 6);
    let urls = "urls = ['http://10.0.0.1:80', 'http://10.0.0.2:80']\n";
    assert_eq!(instances(&format!("{urls}capacity = 5\n")).room(), 5);
    assert_eq!(instances(&format!("{urls}instance_capacity = 5\n")).room(), 10);
    assert_eq!(instances(REGISTERS).room(), 0);
}

#[test]
fn a_name_s_addresses_take_its_place_and_those_that_go_leave_their_attempts() {
    let mut all = instances("url = 'http://tts:80'\nresolve = true\ninstance_capacity = 2\n");
    assert_eq!(all.room(), 2);
    all.choose(attempt(0), &[], NOW);
    let found = |numbers: &[usize]| numbers.iter().map(|number| url(*number)).collect::<BTreeSet<_>>();
    assert_eq!(all.resolved(&found(&[1, 2, 3])), Some(Vec::new()));
    assert_eq!(all.room(), 6 + 1, "and the attempt that was offered by name");
    all.over(attempt(0));
    for number in 1..=6 {
        all.choose(attempt(number), &[], NOW).unwrap();
    }
    assert_eq!(all.resolved(&found(&[1, 2, 3])), None);
    let left = all.resolved(&found(&[1, 2, 4])).unwrap();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|one| all.place_of(*one) == Some(url(3))));
    assert_eq!(all.choose(attempt(7), &[], NOW), Some(url(4)));
}

#[test]
fn what_an_instance_says_of_an_attempt_is_remembered_once() {
    let mut all = instances("urls = ['http://10.0.0.1:80', 'http://10.0.0.2:80']\n");
    all.holds_at(attempt(1), &url(2));
    all.holds_at(attempt(1), &url(2));
    assert_eq!((load(&all, &url(2)), all.place_of(attempt(1))), (1, Some(url(2))));
    all.holds_at(attempt(1), &url(1));
    assert_eq!((load(&all, &url(1)), load(&all, &url(2))), (1, 0));
    all.holds_at(attempt(2), "http://10.9.9.9:80");
    assert_eq!(all.place_of(attempt(2)), None, "an address that nobody knows");
}
