//! What is left of small jobs of which everything is known: which way through the graph counts, and what else does.

use std::collections::BTreeMap;

use engine::{
    command::{Command, Now, Start},
    decide,
    ids::{AttemptId, JobId, Name, PhaseIndex, Timestamp},
    job::{Job, RunRef},
    payload::Payload,
    pipeline::Pipeline,
};
use uuid::Uuid;

use super::{
    fit::{Sample, Sizes},
    known::{Kind, Known},
    path::{Left, Load, Range, Surroundings, left},
    picture::Picture,
};

fn name(text: &str) -> Name {
    Name::try_from(text.to_owned()).unwrap()
}

/// A pipeline of phases as `id: what comes before it`; all are done by `stub`.
fn pipeline(phases: &[(&str, &str)], more: &str) -> Pipeline {
    let phase = |(id, after): &(&str, &str)| {
        let after: Vec<String> = after.split_whitespace().map(|before| format!("'{before}'")).collect();
        format!("[[phase]]\nid='{id}'\nservice='stub'\nafter=[{}]\n", after.join(","))
    };
    let phases: String = phases.iter().map(phase).collect();
    Pipeline::parse(&format!("name='p'\n{phases}{more}")).unwrap()
}

/// Ten earlier jobs, in each of which the phases took so many seconds.
fn known(took: &[(&str, f64)]) -> Known {
    let mut known = Known::default();
    for (phase, seconds) in took.iter().flat_map(|one| std::iter::repeat_n(one, 10)) {
        let kind =
            Kind { pipeline: name("p"), phase: name(phase), service: name("stub"), version: "1".into() };
        known.phase(kind, Sample { sizes: Sizes::new(), seconds: *seconds });
    }
    known
}

/// A job whose first phase has been at work since 1970.
fn job(pipeline: &Pipeline) -> Job {
    let start = Start {
        job: JobId(Uuid::from_u128(1)),
        key: "k".into(),
        input: Payload::null(),
        priority: None,
        mode: None,
        traceparent: None,
        idempotency_key: None,
    };
    let (mut job, _) = decide::start(pipeline, start, Now(Timestamp(0))).unwrap();
    let grant = Command::Grant {
        run: RunRef { phase: PhaseIndex(0), item: 0 },
        attempt: AttemptId(Uuid::from_u128(2)),
    };
    decide::decide(pipeline, &mut job, grant, Now(Timestamp(0))).unwrap();
    job
}

/// One service with so much of others.
struct Busy(BTreeMap<&'static str, usize>);

impl Surroundings for Busy {
    fn load(&self, _: &Name) -> Option<Load> {
        let at = |what| self.0.get(what).copied().unwrap_or_default();
        // One slot is that of the job itself.
        Some(Load {
            version: "1".into(),
            capacity: 4,
            running: 1 + at("running"),
            queued: at("queued"),
            stopped: at("stopped") > 0,
        })
    }

    fn ahead(&self, _: &Name, _: JobId, _: RunRef) -> Option<usize> {
        None
    }

    fn begun(&self, _: JobId, _: PhaseIndex, _: u32) -> Option<Timestamp> {
        None
    }
}

fn left_of(
    pipeline: &Pipeline,
    known: &Known,
    seconds: u64,
    share: Option<f64>,
    busy: &[(&'static str, usize)],
) -> Left {
    let now = Timestamp(seconds * 1000);
    let picture = Picture::of(&job(pipeline), |_| Some((share?, now)));
    left(pipeline, &picture, known, &Busy(busy.iter().copied().collect()), now)
}

const DIAMOND: [(&str, &str); 4] = [("a", ""), ("b", "a"), ("c", "a"), ("d", "b c")];
const TOOK: [(&str, f64); 4] = [("a", 10.0), ("b", 20.0), ("c", 50.0), ("d", 5.0)];

#[test]
fn of_two_branches_the_longer_counts() {
    let left = left_of(&pipeline(&DIAMOND, ""), &known(&TOOK), 4, None, &[]);
    assert_eq!(left.remaining.unwrap().p50, 6.0 + 50.0 + 5.0);
    assert_eq!((left.phases[&name("d")].starts.p50, left.phases[&name("b")].ends.unwrap().p50), (56.0, 26.0));
    assert_eq!((left.at_least, left.why.as_str()), (false, "from 10 earlier runs"));
    assert_eq!(left.phases[&name("a")].done, Some(0.4));
}

#[test]
fn the_further_a_phase_is_the_more_its_own_speed_counts() {
    let (pipeline, known) = (pipeline(&[("a", "")], ""), known(&[("a", 100.0)]));
    let rest = |share| left_of(&pipeline, &known, 10, share, &[]).remaining.unwrap().p50;
    assert_eq!(rest(None), 90.0);
    assert_eq!(rest(Some(0.5)), 0.75 * 10.0 + 0.25 * 90.0);
    assert!((rest(Some(0.8)) - 2.5).abs() < 1e-9);
    let alone = left_of(&pipeline, &Known::default(), 10, Some(0.5), &[]);
    assert_eq!((alone.remaining.unwrap().p50, alone.why.as_str()), (10.0, "from its own speed"));
    let long = left_of(&pipeline, &known, 1000, None, &[]).remaining.unwrap();
    assert!(long.p50 > 100.0, "longer than any before: it may take longer still");
}

#[test]
fn a_phase_that_few_jobs_needed_counts_only_late() {
    let mut known = known(&TOOK);
    for _ in 0..30 {
        known.needed(&name("p"), &name("c"), false);
    }
    let Range { p50, p90 } = left_of(&pipeline(&DIAMOND, ""), &known, 4, None, &[]).remaining.unwrap();
    assert_eq!(p50, 6.0 + 20.0 + 5.0);
    assert!(p90 > 6.0 + 50.0 + 5.0);
}

#[test]
fn the_work_of_others_is_waited_for() {
    let mut known = known(&TOOK);
    (0..10).for_each(|_| known.attempt(&name("stub"), 40.0));
    let rest = |busy: &[(&'static str, usize)]| {
        left_of(&pipeline(&DIAMOND, ""), &known, 4, None, busy).remaining.unwrap().p50
    };
    assert_eq!(rest(&[("running", 2)]), 61.0, "there is a slot left");
    // Eight wait and four half done are ten: 100 s on four slots, of which six pass anyway.
    assert_eq!(rest(&[("running", 4), ("queued", 8)]), 100.0 + 50.0 + 5.0);
    let stopped = left_of(&pipeline(&DIAMOND, ""), &known, 4, None, &[("stopped", 1)]);
    assert_eq!(stopped.waits_for, ["somebody to start stub"]);
}

#[test]
fn a_loop_counts_as_often_as_such_loops_turned() {
    let looped = "[[loop]]\nid='again'\nphases=['b']\nuntil='b.output.good'\nmax=9\n";
    let pipeline = pipeline(&[("a", ""), ("b", "a"), ("d", "b")], looped);
    let mut known = known(&TOOK);
    let unknown = left_of(&pipeline, &known, 4, None, &[]);
    assert_eq!((unknown.at_least, unknown.why.as_str()), (true, "the turns of again are not known yet"));
    [3, 3, 3, 5].into_iter().for_each(|turns| known.turns(&name("p"), &name("again"), turns));
    let Range { p50, p90 } = left_of(&pipeline, &known, 4, None, &[]).remaining.unwrap();
    assert_eq!(p50, 6.0 + 3.0 * 20.0 + 5.0);
    assert!(p90 >= 6.0 + 5.0 * 20.0 + 5.0);
}

#[test]
fn people_are_named_and_count_as_no_time() {
    let ask = "[[phase]]\nid='ask'\nafter=['d']\nwait={signal='go',timeout='48h'}\n";
    let left = left_of(&pipeline(&DIAMOND, ask), &known(&TOOK), 4, None, &[]);
    assert_eq!((left.remaining.unwrap().p50, left.at_least), (61.0, false));
    assert_eq!(left.waits_for, ["the decision go of ask"]);
}
