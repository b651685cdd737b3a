//! A recogniser as a process of its own that lives on: a line of JSON and the samples go in, a line of JSON comes out.
//!
//! While a sound is under way its process is out of its place and is put back only after a whole answer. So a deadline, a
//! caller who gives up or a broken answer always ends it, and the next sound starts a fresh one.

use std::{process::Stdio, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Semaphore,
    time::timeout,
};

use crate::error::ProviderError;

/// Longest line of an answer.
const LIMIT: u64 = 1024 * 1024;

/// Processes that are started when needed, some at a time.
#[derive(Debug)]
pub(super) struct Processes {
    provider: &'static str,
    /// How to install what they need.
    install: &'static str,
    /// Program and arguments.
    words: Vec<String>,
    /// For one answer, and for the start.
    deadline: Duration,
    slots: Semaphore,
    idle: Mutex<Vec<Running>>,
}

#[derive(Debug)]
struct Running {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Killed when dropped.
    _child: Child,
    /// Of the next request.
    id: u64,
}

impl Processes {
    /// Starts nothing yet; at most `most` will run.
    pub(super) fn new(
        provider: &'static str,
        install: &'static str,
        words: Vec<String>,
        deadline: Duration,
        most: usize,
    ) -> Self {
        let slots = Semaphore::new(most.clamp(1, 16));
        Self { provider, install, words, deadline, slots, idle: Mutex::default() }
    }

    /// Sends a request with samples and returns the answer, which is an object without `error`. Waits where all processes
    /// are busy. A process that has died since its last answer is replaced, once.
    ///
    /// # Errors
    /// [`ProviderError`]: missing programs, a process that is silent, dies or reports an error.
    pub(super) async fn ask(&self, request: &Value, samples: &[i16]) -> Result<Value, ProviderError> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.map_err(|error| self.broken(error.to_string()))?;
        let waiting = self.idle.lock().pop();
        if let Some(running) = waiting {
            match self.within(self.exchange(running, request, samples)).await {
                Ok((running, answer)) => return self.put_back(running, answer),
                Err(ProviderError::Unavailable { message, .. }) => {
                    tracing::warn!(provider = self.provider, %message, "the process is started again");
                }
                Err(error) => return Err(error),
            }
        }
        let running = self.within(self.start()).await?;
        let (running, answer) = self.within(self.exchange(running, request, samples)).await?;
        self.put_back(running, answer)
    }

    /// Starts one where none waits, so that the first sound need not wait for it.
    ///
    /// # Errors
    /// As [`Processes::ask`].
    pub(super) async fn ready(&self) -> Result<(), ProviderError> {
        let _slot = self.slots.acquire().await.map_err(|error| self.broken(error.to_string()))?;
        if self.idle.lock().is_empty() {
            let running = self.within(self.start()).await?;
            self.idle.lock().push(running);
        }
        Ok(())
    }

    fn put_back(&self, running: Running, answer: Value) -> Result<Value, ProviderError> {
        self.idle.lock().push(running);
        match answer["error"].as_str() {
            Some(error) => {
                let message = error.chars().take(300).collect();
                Err(ProviderError::Rejected { provider: self.provider.to_owned(), message })
            }
            None => Ok(answer),
        }
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let (provider, after) = (self.provider, self.deadline);
        timeout(after, work)
            .await
            .unwrap_or_else(|_| Err(ProviderError::TimedOut { provider: provider.to_owned(), after }))
    }

    async fn exchange(
        &self,
        mut running: Running,
        request: &Value,
        samples: &[i16],
    ) -> Result<(Running, Value), ProviderError> {
        running.id += 1;
        let mut request = request.clone();
        request["id"] = json!(running.id);
        request["samples"] = json!(samples.len());
        let mut bytes = request.to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let written = async {
            running.input.write_all(&bytes).await?;
            running.input.flush().await
        };
        written.await.map_err(|error| self.broken(format!("it does not read: {error}")))?;
        let answer = self.line(&mut running).await?;
        if answer["id"] != json!(running.id) {
            let message = "an answer to something else".to_owned();
            return Err(ProviderError::Garbled { provider: self.provider.to_owned(), message });
        }
        Ok((running, answer))
    }

    async fn line(&self, running: &mut Running) -> Result<Value, ProviderError> {
        let mut line = Vec::new();
        let read = (&mut running.output).take(LIMIT).read_until(b'\n', &mut line).await;
        read.map_err(|error| self.broken(error.to_string()))?;
        if line.pop() != Some(b'\n') {
            return Err(self.broken(format!("it ended; is everything there? {}", self.install)));
        }
        serde_json::from_slice(&line).map_err(|error| ProviderError::Garbled {
            provider: self.provider.to_owned(),
            message: format!("no JSON: {error}"),
        })
    }

    /// Starts a process and waits until it says that it is ready.
    async fn start(&self) -> Result<Running, ProviderError> {
        let (program, arguments) = self.words.split_first().ok_or_else(|| self.missing("a program"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => self.missing(program),
                _ => self.broken(format!("{program} cannot be started: {error}")),
            })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(self.broken("it has no pipes".to_owned()));
        };
        let mut running = Running { input, output: BufReader::new(output), _child: child, id: 0 };
        let ready = self.line(&mut running).await?;
        match ready["missing"].as_str() {
            Some(what) => Err(self.missing(what)),
            None => Ok(running),
        }
    }

    fn missing(&self, what: &str) -> ProviderError {
        let (provider, install) = (self.provider.to_owned(), self.install.to_owned());
        ProviderError::Missing { provider, what: what.to_owned(), install }
    }

    fn broken(&self, message: String) -> ProviderError {
        ProviderError::Unavailable { provider: self.provider.to_owned(), retry_after: None, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that behaves as a shell script does; `exec cat` and the like stand for a broken recogniser.
    fn shell(script: &str, deadline: Duration) -> Processes {
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        Processes::new("test", "apt-get install test", words, deadline, 1)
    }

    #[tokio::test]
    async fn a_process_that_died_is_replaced_and_one_that_never_answers_is_reported() {
        // Answers one request, of no samples, and ends.
        let once = shell("echo '{}'; read line; echo '{\"id\": 1}'", Duration::from_secs(60));
        for _ in 0..3 {
            assert_eq!(once.ask(&json!({}), &[]).await, Ok(json!({ "id": 1 })));
        }
        let never = shell("echo '{}'", Duration::from_secs(60)).ask(&json!({}), &[]).await.unwrap_err();
        assert!(never.is_retryable(), "{never}");
    }

    #[tokio::test]
    async fn a_process_that_hangs_is_ended_and_the_next_sound_has_a_fresh_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("hung");
        let script = format!(
            "echo '{{}}'; read line; if mkdir {} 2>/dev/null; then exec sleep 1000; fi; echo '{{\"id\": 1}}'",
            mark.display()
        );
        let hangs = shell(&script, Duration::from_secs(2));
        assert_eq!(hangs.ask(&json!({}), &[]).await.unwrap_err().code(), "provider-timeout");
        assert!(hangs.idle.lock().is_empty());
        assert_eq!(hangs.ask(&json!({}), &[]).await, Ok(json!({ "id": 1 })));
    }

    #[tokio::test]
    async fn garbage_and_what_is_missing_are_told_apart() {
        let code = |script: &'static str| async move {
            shell(script, Duration::from_secs(60)).ask(&json!({}), &[]).await.unwrap_err().code()
        };
        assert_eq!(code("echo hello").await, "provider-garbled");
        assert_eq!(code("echo '{}'; read line; echo '{\"id\": 7}'").await, "provider-garbled");
        assert_eq!(
            code("echo '{}'; read line; echo '{\"id\": 1, \"error\": \"no\"}'").await,
            "provider-rejected"
        );
        assert_eq!(code("echo '{\"missing\": \"a module\"}'").await, "provider-missing");
        let absent =
            Processes::new("test", "x", vec!["no-such-program".to_owned()], Duration::from_secs(9), 1);
        assert_eq!(absent.ask(&json!({}), &[]).await.unwrap_err().code(), "provider-missing");
    }
}
