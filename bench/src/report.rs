//! From measurements to ratios, a page, and a verdict.

use std::fmt::Write as _;

use crate::{
    plot::{Series, bars, lines},
    runs::{Results, Round},
};

/// A loss beyond this share of what was recorded fails the gate.
const TOLERATED: f64 = 0.10;

/// What Segue reaches of the relay's throughput, and how its delays compare, for one number of jobs at a time: medians over
/// the rounds, each round against itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    /// The system.
    pub system: String,
    /// Jobs at a time.
    pub concurrency: usize,
    /// Throughput against the durable relay.
    pub of_durable: f64,
    /// Throughput against the bare one.
    pub of_bare: f64,
    /// Middle delay against the durable relay's.
    pub p50: f64,
    /// The hundredth's.
    pub p99: f64,
}

/// All ratios.
#[must_use]
pub fn ratios(results: &Results) -> Vec<Ratio> {
    let mut all = Vec::new();
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for round in &results.rounds {
        let one = (round.system.as_str(), round.outcome.concurrency);
        if !["bare", "durable"].contains(&one.0) && !seen.contains(&one) {
            seen.push(one);
        }
    }
    for (system, concurrency) in seen {
        let against = |other: &str, what: fn(&Round) -> f64| {
            let of = |name: &str, round: usize| {
                results
                    .rounds
                    .iter()
                    .find(|one| {
                        one.system == name && one.outcome.concurrency == concurrency && one.round == round
                    })
                    .map(what)
            };
            let rounds = results.rounds.iter().map(|one| one.round).max().unwrap_or(0);
            median((0..=rounds).filter_map(|round| Some(of(system, round)? / of(other, round)?)).collect())
        };
        all.push(Ratio {
            system: system.to_owned(),
            concurrency,
            of_durable: against("durable", |one| one.outcome.transitions_per_s),
            of_bare: against("bare", |one| one.outcome.transitions_per_s),
            p50: against("durable", |one| one.outcome.p50_us),
            p99: against("durable", |one| one.outcome.p99_us),
        });
    }
    all
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// What is worse than recorded by more than is tolerated; and whatever was lost, doubled or early.
#[must_use]
pub fn losses(recorded: &Results, now: &Results) -> Vec<String> {
    let mut found = Vec::new();
    for was in ratios(recorded) {
        let Some(is) = ratios(now)
            .into_iter()
            .find(|one| one.system == was.system && one.concurrency == was.concurrency)
        else {
            continue;
        };
        if is.of_durable < was.of_durable * (1.0 - TOLERATED) {
            found.push(format!(
                "{} with {} at a time reaches {:.2} of the durable relay; {:.2} is recorded",
                is.system, is.concurrency, is.of_durable, was.of_durable
            ));
        }
    }
    for round in &now.rounds {
        let one = &round.outcome;
        if one.lost + one.doubled + one.early > 0 {
            found.push(format!(
                "{} with {} at a time: lost {}, doubled {}, early {}",
                round.system, one.concurrency, one.lost, one.doubled, one.early
            ));
        }
    }
    found
}

/// The page, and its plots by file name.
#[must_use]
pub fn page(results: &Results, settings: &str) -> (String, Vec<(&'static str, String)>) {
    let all = ratios(results);
    let mut text = String::from(INTRODUCTION);
    let _ = writeln!(text, "\nMachine: {}. {settings}\n", results.machine);
    text.push_str("## Against the limit\n\n![Share of the relay's throughput](performance/ratios.svg)\n\n");
    text.push_str(
        "| system | jobs at a time | of the durable relay | of the bare one | p50, times the durable relay's | p99 |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for one in &all {
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            one.system, one.concurrency, one.of_durable, one.of_bare, one.p50, one.p99
        );
    }
    text.push_str("\nEach measurement:\n\n| system | at a time | round | transitions/s | p50 µs | p99 µs | processor µs | lost, doubled, early |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for one in &results.rounds {
        let out = &one.outcome;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {}, {}, {} |",
            one.system,
            out.concurrency,
            one.round + 1,
            out.transitions_per_s,
            out.p50_us,
            out.p99_us,
            one.processor_us,
            out.lost,
            out.doubled,
            out.early
        );
    }
    let mut plots = vec![("ratios.svg", ratio_plot(&all))];
    if !results.waiting.is_empty() {
        text.push_str(WAITING);
        for one in &results.waiting {
            let _ = writeln!(
                text,
                "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {} |",
                one.jobs,
                one.bytes_per_job,
                one.restarted_bytes_per_job,
                one.beside.transitions_per_s,
                one.processor_us,
                one.restart_s,
                one.released
            );
        }
        plots.extend(waiting_plots(results));
    }
    (text, plots)
}

fn ratio_plot(all: &[Ratio]) -> String {
    let groups: Vec<(String, f64)> =
        all.iter().map(|one| (format!("{} · {}", one.system, one.concurrency), one.of_durable)).collect();
    bars("Share of the durable relay's throughput (budget 0.8)", &groups, Some(0.8))
}

fn waiting_plots(results: &Results) -> Vec<(&'static str, String)> {
    let points = |what: fn(&crate::runs::Waiting) -> f64| -> Vec<(f64, f64)> {
        results.waiting.iter().map(|one| (one.jobs as f64, what(one))).collect()
    };
    let cost = [Series { name: "processor, µs a transition", points: points(|one| one.processor_us) }];
    let memory = [
        Series { name: "as they were started", points: points(|one| one.bytes_per_job) },
        Series { name: "after a restart", points: points(|one| one.restarted_bytes_per_job) },
    ];
    let restart = [Series { name: "seconds", points: points(|one| one.restart_s) }];
    vec![
        ("cost.svg", lines("Cost of a transition beside jobs that wait", "jobs that wait", &cost, None)),
        (
            "memory.svg",
            lines(
                "Bytes of memory for a job that waits (budget 1024)",
                "jobs that wait",
                &memory,
                Some(1024.0),
            ),
        ),
        ("restart.svg", lines("Restart after a kill -9, seconds", "jobs that wait", &restart, None)),
    ]
}

const INTRODUCTION: &str = "# Performance

Written by `cargo xtask bench --write`; do not edit. `cargo xtask bench` measures again and fails where a ratio has lost more than a
tenth of what is recorded here.

The reference pipeline has seven phases, one fan-out and one join; its service does nothing. The limit is a relay that makes the same
HTTP hops and knows the pipeline by heart: the *durable* one syncs a record before every answer (one sync for all that arrived during
the one before, into a file that is laid out beforehand), the *bare* one writes nothing. The systems take turns on the same machine, and a ratio is that of one turn: absolute
figures of a shared machine drift by a factor of three within an hour. Delays are from a callback sent to the next start received.
Several orchestrators on PostgreSQL have one leader: the others forward to it.
";

const WAITING: &str = "
## With jobs that wait for a callback

![Cost of a transition](performance/cost.svg) ![Memory](performance/memory.svg) ![Restart](performance/restart.svg)

Embedded journal. Bytes are of memory that is not files, for each waiting job, beyond an orchestrator that has done some work; up to
10,000 jobs stay in memory whole, so that small numbers cost more each. Beside them 64 other jobs at a time. The restart is after a kill -9, until calls are taken and waiting work is offered. Released: how many
came to their end when their callbacks, or those of 20,000 of them, were sent after the restart.

| waiting | bytes each | after a restart | transitions/s beside | processor µs | restart s | released |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Outcome;

    fn round(system: &str, round: usize, rate: f64) -> Round {
        let outcome = Outcome {
            concurrency: 64,
            transitions_per_s: rate,
            p50_us: 1.0,
            p99_us: 1.0,
            ..Outcome::default()
        };
        Round { system: system.to_owned(), round, outcome, processor_us: 0.0 }
    }

    fn results(embedded: f64) -> Results {
        let rounds = (0..3).flat_map(|n| {
            [round("durable", n, 100.0), round("embedded", n, embedded), round("bare", n, 200.0)]
        });
        Results { rounds: rounds.collect(), ..Results::default() }
    }

    #[test]
    fn a_loss_of_more_than_a_tenth_is_found_and_a_lesser_one_is_not() {
        assert!(losses(&results(80.0), &results(73.0)).is_empty());
        assert_eq!(losses(&results(80.0), &results(71.0)).len(), 1);
        let mut lossy = results(80.0);
        lossy.rounds[1].outcome.lost = 1;
        assert_eq!(losses(&results(80.0), &lossy).len(), 1);
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds() {
        let mut some = results(80.0);
        some.rounds[1].outcome.transitions_per_s = 1.0;
        let all = ratios(&some);
        assert_eq!((all.len(), all[0].of_durable, all[0].of_bare), (1, 0.8, 0.4));
    }
}
