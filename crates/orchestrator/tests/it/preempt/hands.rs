//! A service made with the phase-kit, of which every unit of work is written down: who did it, which one, with whom beside it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use parking_lot::Mutex;
use phase_kit::{Context, Phase, PhaseError, Service, Success, testing::ServiceHost};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

/// What a job is told to do.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Order {
    /// Units of work.
    pub(crate) units: usize,
    /// Units done before it waits for somebody who wants its slot; none: it does not wait.
    pub(crate) at_a_time: Option<usize>,
    /// It does not end before this was let go.
    pub(crate) gate: Option<String>,
    /// It ends so.
    pub(crate) fail: Option<String>,
}

/// From where to go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) done: usize,
}

/// A start that has arrived.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) key: String,
    pub(crate) from: usize,
    pub(crate) at: Instant,
}

/// Everything that happened at the service.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) begun: Vec<Begun>,
    /// The checkpoints that were given, by key.
    pub(crate) paused: BTreeMap<String, Vec<usize>>,
    /// Which units were done, by key.
    pub(crate) units: BTreeMap<String, Vec<usize>>,
    pub(crate) at_work: usize,
    pub(crate) most_at_work: usize,
    open: Vec<String>,
}

/// The service's memory, shared with the test.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<watch::Sender<()>>, Arc<Mutex<Seen>>);

impl Log {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(())), Arc::default())
    }

    fn note<T>(&self, note: impl FnOnce(&mut Seen) -> T) -> T {
        let noted = note(&mut self.1.lock());
        self.0.send_replace(());
        noted
    }

    /// Looks at what happened.
    pub(crate) fn see<T>(&self, see: impl FnOnce(&Seen) -> T) -> T {
        see(&self.1.lock())
    }

    /// Waits until something is so.
    pub(crate) async fn until<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> T {
        let mut changed = self.0.subscribe();
        let wait = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = self.see(&found) {
                    return found;
                }
                changed.changed().await.expect("the sender lives as long");
            }
        };
        phase_kit::testing::within(what, wait).await
    }

    /// Waits until a job of this key has begun so often.
    pub(crate) async fn begun(&self, key: &str, times: usize) -> Begun {
        self.until(&format!("start {times} of {key}"), |seen| {
            seen.begun.iter().filter(|begun| begun.key == key).nth(times - 1).cloned()
        })
        .await
    }

    /// The keys that have begun, in their order.
    pub(crate) fn order(&self) -> Vec<String> {
        self.see(|seen| seen.begun.iter().map(|begun| begun.key.clone()).collect())
    }

    /// Lets those end that wait for it.
    pub(crate) fn let_go(&self, gate: &str) {
        self.note(|seen| seen.open.push(gate.to_owned()));
    }
}

/// Does what it is told, whatever the phase is called.
struct Work(Log);

impl Phase for Work {
    const NAME: &'static str = "any";
    type Input = Order;
    type Output = Value;

    async fn run(&self, ctx: Context, order: Order) -> Result<Success<Value>, PhaseError> {
        let from = ctx.checkpoint::<Checkpoint>()?.unwrap_or_default().done;
        let key = ctx.key().to_owned();
        self.0.note(|seen| {
            seen.at_work += 1;
            seen.most_at_work = seen.most_at_work.max(seen.at_work);
            seen.begun.push(Begun { key: key.clone(), from, at: Instant::now() });
        });
        let ended = self.work(&ctx, &key, &order, from).await;
        self.0.note(|seen| seen.at_work -= 1);
        ended
    }
}

impl Work {
    async fn work(
        &self,
        ctx: &Context,
        key: &str,
        order: &Order,
        from: usize,
    ) -> Result<Success<Value>, PhaseError> {
        let until = order.at_a_time.map_or(order.units, |most| order.units.min(from + most));
        self.0.note(|seen| seen.units.entry(key.to_owned()).or_default().extend(from..until));
        let waits = until < order.units || order.gate.is_some();
        if waits {
            let open = self.0.until("the gate", |seen| {
                order.gate.as_ref().is_some_and(|gate| seen.open.contains(gate)).then_some(())
            });
            tokio::select! {
                () = open => {}
                () = ctx.cancelled() => return Err(PhaseError::Cancelled),
                () = ctx.pausing() => {
                    self.0.note(|seen| seen.paused.entry(key.to_owned()).or_default().push(until));
                    return Err(PhaseError::paused(&Checkpoint { done: until }));
                }
            }
        }
        match &order.fail {
            Some(why) => Err(PhaseError::permanent(why.clone(), "as it was told")),
            None => Ok(Success::new(Value::Null).stats(json!({ "sum": (0..order.units).sum::<usize>() }))),
        }
    }
}

/// Starts it; more than so many attempts at once are refused.
pub(crate) fn hands(capacity: usize) -> (ServiceHost, Log) {
    let log = Log::new();
    let service = Service::builder("stub").any_phase(Work(log.clone())).capacity(capacity).build();
    (ServiceHost::start(service.expect("a service")), log)
}
