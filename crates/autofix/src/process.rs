//! Commands: words, never a shell; in a process group of their own that is killed whole when time is up or nobody waits any
//! more; their output kept up to a limit, its beginning and its end.

use std::{path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

/// Of each of the two outputs, kept from the beginning.
const MOST_OUTPUT: usize = 8 * 1024 * 1024;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

/// Why a command did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program is not on this machine.
    #[error("the program {0:?} is not on this machine")]
    Missing(String),
    /// Time was up; it and all that it started are killed.
    #[error("{program:?} took longer than {} s and was killed", limit.as_secs())]
    TimedOut {
        /// Which.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It could not be started or listened to.
    #[error("{program:?} could not be run")]
    Io {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Where and how commands run.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Variables that commands do not get to see.
    pub hidden: Vec<String>,
    /// Variables that they get beside the others.
    pub added: Vec<(String, String)>,
}

/// Kills the group when dropped: at the end of time, and when the caller is cancelled.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Ran {
    /// The end of what it said, for people: errors first.
    #[must_use]
    pub fn summary(&self) -> String {
        const SHOWN: usize = 2000;
        let text = if self.err.trim().is_empty() { self.out.trim() } else { self.err.trim() };
        let both = format!("{}\n{}", self.out.trim(), self.err.trim());
        let text = if text.len() < SHOWN / 2 { both.trim() } else { text };
        let from = text.ceil_char_boundary(text.len().saturating_sub(SHOWN));
        text[from..].to_owned()
    }
}

/// Runs a command in a folder to its end.
///
/// # Errors
/// [`RunError`]; an exit code other than 0 is none.
pub async fn run(
    words: &[String],
    folder: &Path,
    limit: Duration,
    surroundings: &Surroundings,
) -> Result<Ran, RunError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(RunError::Missing(String::new()));
    };
    let io = |source| RunError::Io { program: program.clone(), source };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    for name in &surroundings.hidden {
        command.env_remove(name);
    }
    command.envs(surroundings.added.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RunError::Missing(program.clone()),
        _ => io(error),
    })?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // Also at a good end: what it left running has no business in the scratch place of the next one.
    let _group = Group(pid);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        // The program's own end counts, not that of a child which keeps its pipes open.
        let reading = async { tokio::join!(read(out), read(err)) };
        tokio::pin!(reading);
        tokio::select! {
            (out, err) = &mut reading => Ok((child.wait().await?, out?, err?)),
            status = child.wait() => {
                let status = status?;
                drop(Group(pid));
                let (out, err) = reading.await;
                Ok((status, out?, err?))
            }
        }
    };
    match tokio::time::timeout(limit, work).await {
        Err(_elapsed) => Err(RunError::TimedOut { program: program.clone(), limit }),
        Ok(Err(error)) => Err(io(error)),
        Ok(Ok((status, out, err))) => Ok(Ran { code: status.code(), out, err }),
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(mut pipe) = pipe else { return Ok(String::new()) };
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = pipe.read(&mut chunk).await?;
        if read == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let room = MOST_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..read.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{RunError, Surroundings, run};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_command_is_words_and_no_shell() {
        let surroundings = Surroundings::default();
        let line = words(&["printf", "%s|", "$(touch /tmp/no)", "; ls", "a b"]);
        let ran = run(&line, Path::new("/"), Duration::from_secs(20), &surroundings).await.expect("it runs");
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "$(touch /tmp/no)|; ls|a b|"));
    }

    #[tokio::test]
    async fn at_the_end_of_time_everything_it_started_is_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        // The child writes its id and waits; its parent waits for it.
        let script = "sh -c 'echo $$ > id; exec sleep 1000' & while ! [ -s id ]; do :; done; wait";
        let line = words(&["sh", "-c", script]);
        let limit = Duration::from_secs(2);
        let error = run(&line, folder.path(), limit, &Surroundings::default()).await.expect_err("too long");
        assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
        let id = std::fs::read_to_string(folder.path().join("id")).expect("it began");
        let gone = || !Path::new(&format!("/proc/{}/cwd", id.trim())).join(".").exists();
        while !gone() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn secrets_of_ours_are_not_seen() {
        let surroundings = Surroundings {
            hidden: vec!["HOME".to_owned()],
            added: vec![("SHOWN".to_owned(), "yes".to_owned())],
        };
        let line = words(&["sh", "-c", "echo ${HOME:-none} $SHOWN"]);
        let ran = run(&line, Path::new("/"), Duration::from_secs(20), &surroundings).await.expect("it runs");
        assert_eq!(ran.out, "none yes\n");
    }
}
