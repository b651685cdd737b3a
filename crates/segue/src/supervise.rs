//! Starting, watching and ending processes; being asked to stop.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::logging::say_error;

/// Tells a child that its standard input ends when its parent does.
const PARENT_PIPE: &str = "SEGUE_PARENT_PIPE";
/// How long a child may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// Longest wait before a process that keeps dying is started again.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// A process that lived so long is well.
const WELL: Duration = Duration::from_secs(30);

/// Cancels on SIGTERM and SIGINT.
pub(crate) fn cancel_on_signal(token: CancellationToken) {
    tokio::spawn(async move {
        let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        token.cancel();
    });
}

/// Cancels when the parent that started us is gone, however it went: then our standard input ends.
pub(crate) fn cancel_with_parent(token: CancellationToken) {
    if std::env::var_os(PARENT_PIPE).is_none() {
        return;
    }
    tokio::spawn(async move {
        let mut end = [0; 64];
        let mut input = tokio::io::stdin();
        while input.read(&mut end).await.is_ok_and(|read| read > 0) {}
        token.cancel();
    });
}

/// Runs a command line for ever, starting it again when it ends; its output goes to the log line by line, under its name.
pub(crate) async fn keep_running(name: String, line: String, shutdown: CancellationToken) {
    let mut wait = Duration::from_millis(200);
    while !shutdown.is_cancelled() {
        let began = Instant::now();
        match start(&line) {
            Ok(mut child) => {
                follow(&name, &mut child);
                // Held open: its end tells the child that we are gone. Waiting for a child would close it.
                let _pipe = child.stdin.take();
                tokio::select! {
                    ended = child.wait() => {
                        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                        say_error(&format!("{name:>14} │ ended ({how}); starting it again"));
                    }
                    () = shutdown.cancelled() => return end(&name, child).await,
                }
            }
            Err(error) => say_error(&format!("{name:>14} │ `{line}` can't be started: {error}")),
        }
        wait = if began.elapsed() > WELL { Duration::from_millis(200) } else { (wait * 2).min(MAX_WAIT) };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

fn start(line: &str) -> std::io::Result<Child> {
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
async fn end(name: &str, mut child: Child) {
    if let Some(pid) =
        child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
    {
        // It may be gone already, which is as good.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        say_error(&format!("{name:>14} │ did not stop within {} s and is killed", GRACE.as_secs()));
        if let Err(error) = child.kill().await {
            say_error(&format!("{name:>14} │ can't be killed: {error}"));
        }
    }
}
