//! Starting, watching and ending processes; being asked to stop.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    signal::unix::{SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::logging::say_error;

/// Tells a child that its standard input ends when its parent does.
const PARENT_PIPE: &str = "SEGUE_PARENT_PIPE";
/// What a parent writes when it is about to end its children.
const HANDOVER: &str = "handover";
/// How long a child may take to end: longer than a service lets its attempts run on (`phase_kit::Timing`).
const GRACE: Duration = Duration::from_secs(15);
/// Wait before a process that died is started again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait before a process that keeps dying is started again.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// A process that lived so long is well.
const WELL: Duration = Duration::from_secs(5);

/// Cancels the first token at the first SIGTERM or SIGINT, the next at the next.
pub(crate) fn cancel_on_signals(tokens: Vec<CancellationToken>) {
    tokio::spawn(async move {
        let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        for token in tokens {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            token.cancel();
        }
    });
}

/// Follows the parent that started us, over our standard input: a line says that the end is near, its end that the parent is
/// gone, however it went.
pub(crate) fn follow_parent(handover: CancellationToken, gone: CancellationToken) {
    if std::env::var_os(PARENT_PIPE).is_none() {
        return;
    }
    // A thread of its own, which the process does not wait for: a runtime can't end while one of its threads is reading.
    std::thread::spawn(move || {
        let mut line = String::new();
        while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {
            if line.trim_end() == HANDOVER {
                handover.cancel();
            }
            line.clear();
        }
        gone.cancel();
    });
}

/// When a process is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// It should take nothing new.
    pub(crate) handover: CancellationToken,
    /// It should end.
    pub(crate) stop: CancellationToken,
    /// It should be gone.
    pub(crate) at_once: CancellationToken,
}

/// Runs a command line for ever, starting it again when it ends; its output goes to the log line by line, under its name.
/// Where it is one of ours it reads the configuration that we were given.
pub(crate) async fn keep_running(name: String, line: String, config: PathBuf, ending: Ending) {
    let mut wait = FIRST_WAIT;
    while !ending.stop.is_cancelled() {
        let began = Instant::now();
        match start(&line, &config) {
            Ok(mut child) => {
                follow(&name, &mut child);
                // Held open: its end tells the child that we are gone. Waiting for a child would close it.
                let mut pipe = child.stdin.take();
                let handover = async {
                    ending.handover.cancelled().await;
                    tell(&mut pipe).await;
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    ended = child.wait() => {
                        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                        say_error(&format!("{name:>14} │ ended ({how}); starting it again"));
                    }
                    () = ending.stop.cancelled() => {
                        end(&name, child, &ending.at_once).await;
                        return say_error(&format!("{name:>14} │ is gone"));
                    }
                    () = handover => {}
                }
            }
            Err(error) => say_error(&format!("{name:>14} │ `{line}` can't be started: {error}")),
        }
        wait = if began.elapsed() > WELL { FIRST_WAIT } else { (wait * 2).min(MAX_WAIT) };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = ending.stop.cancelled() => {}
        }
    }
}

/// Says that the end is near. A child that does not listen is told to stop soon anyway.
async fn tell(pipe: &mut Option<ChildStdin>) {
    if let Some(pipe) = pipe
        && let Err(error) = pipe.write_all(format!("{HANDOVER}\n").as_bytes()).await
    {
        tracing::debug!(%error, "a child does not listen");
    }
}

fn start(line: &str, config: &Path) -> std::io::Result<Child> {
    let mut words = line.split_whitespace();
    let mut command = match words.next() {
        // Ourselves, whatever PATH says.
        Some("segue") => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(words);
            command
        }
        _ => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("exec {line}"));
            command
        }
    };
    command
        .env(PARENT_PIPE, "1")
        .env("SEGUE_CONFIG", config)
        // Ctrl-C in a terminal is for us alone: we end our children in order.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

fn follow(name: &str, child: &mut Child) {
    if let Some(out) = child.stdout.take() {
        tokio::spawn(lines(name.to_owned(), out));
    }
    if let Some(err) = child.stderr.take() {
        tokio::spawn(lines(name.to_owned(), err));
    }
}

async fn lines(name: String, from: impl tokio::io::AsyncRead + Unpin) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        say_error(&format!("{name:>14} │ {line}"));
    }
}

/// Ends a child: politely, then not.
async fn end(name: &str, mut child: Child, at_once: &CancellationToken) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = group {
        // It may be gone already, which is as good.
        let _ = kill_process(pid, Signal::TERM);
    }
    let reason = tokio::select! {
        _ = child.wait() => return,
        () = tokio::time::sleep(GRACE) => format!("did not stop within {} s", GRACE.as_secs()),
        () = at_once.cancelled() => "is not waited for".to_owned(),
    };
    say_error(&format!("{name:>14} │ {reason} and is killed"));
    if let Some(group) = group {
        // With all that it has started.
        let _ = kill_process_group(group, Signal::KILL);
    }
    if let Err(error) = child.kill().await {
        say_error(&format!("{name:>14} │ can't be killed: {error}"));
    }
}
