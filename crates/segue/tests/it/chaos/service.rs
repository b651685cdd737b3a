//! The services of the chaos test: phases on phase-kit in processes of their own, which are this test's executable started
//! again. What each attempt gives is made up anew, so that a result can be told from that of the same work done twice.

use std::time::Duration;

use phase_kit::{Context, Phase, PhaseError, Service, Success, Timing};
use rand::RngExt;
use serde_json::{Value, json};

/// Which service this process is to be: its name.
const NAME: &str = "CHAOS_SERVICE";
/// The port that it listens on.
const PORT: &str = "CHAOS_PORT";
/// Its folder, where it has one.
const FOLDER: &str = "CHAOS_FOLDER";

/// The phases of the pipeline, each a type of its own.
const PHASES: [&str; 7] = ["split", "left", "right", "pieces", "join", "flaky", "close"];

struct Work<const N: usize>;

impl<const N: usize> Phase for Work<N> {
    const NAME: &'static str = PHASES[N];
    type Input = Value;
    type Output = Value;

    async fn run(&self, ctx: Context, input: Value) -> Result<Success<Value>, PhaseError> {
        let (takes, luck, nonce) = {
            let mut random = rand::rng();
            (random.random_range(1..40), random.random_range(0..100), random.random::<u32>())
        };
        let takes = input["takes"].as_u64().unwrap_or(takes);
        if tokio::time::timeout(Duration::from_millis(takes), ctx.cancelled()).await.is_ok() {
            return Err(PhaseError::Cancelled);
        }
        if Self::NAME == "flaky" && luck < 20 {
            return Err(PhaseError::retry("bad-luck", "it did not work this time"));
        }
        let start = ctx.start();
        let output = json!({ "run": start.run, "attempt": start.attempt_id, "nonce": nonce });
        Ok(Success::new(output).stats(json!({ "good": input["bad"] != true })))
    }
}

/// The command line that `segue up` keeps running for a service.
pub(crate) fn command_line(name: &str, port: u16, folder: Option<&std::path::Path>) -> String {
    let us = std::env::current_exe().unwrap();
    let folder = folder.map(|folder| format!(" {FOLDER}={}", folder.display())).unwrap_or_default();
    format!(
        "env {NAME}={name} {PORT}={port}{folder} {} chaos::service::is_a_service_where_it_is_told_so --exact --nocapture --skip {}",
        us.display(),
        mark(name)
    )
}

/// In the command line of a service's process, where nothing else says whose it is; no test is called so.
pub(crate) fn mark(name: &str) -> String {
    format!("service-is-{name}")
}

/// No test but a process: `segue up` starts it. Ends when its standard input does, as its parent is then gone.
#[test]
fn is_a_service_where_it_is_told_so() {
    let Ok(name) = std::env::var(NAME) else { return };
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    let timing = Timing { first_backoff: Duration::from_millis(50), ..Timing::default() };
    let timing = Timing { most_backoff: Duration::from_secs(1), drain: Duration::from_millis(500), ..timing };
    let builder = Service::builder(name).capacity(24).timing(timing);
    let builder = builder.phase(Work::<0>).phase(Work::<1>).phase(Work::<2>).phase(Work::<3>);
    let mut builder = builder.phase(Work::<4>).phase(Work::<5>).phase(Work::<6>);
    if let Ok(folder) = std::env::var(FOLDER) {
        builder = builder.data_dir(folder);
    }
    let service = builder.build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        phase_kit::serve(listener, parent_gone(), service).await.unwrap();
    });
    runtime.shutdown_background();
}

async fn parent_gone() {
    let (sender, gone) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {}
        sender.send(())
    });
    gone.await.unwrap_or(());
}
