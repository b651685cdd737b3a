//! The running programs: each one's output is the next one's input, a text goes in with a null and comes out with one.
//!
//! Every text ends in a number of its own that no program shows to a reader. An answer without it is not whole: where one of
//! the programs dies, those after it pass on what they have as if it were all.
//!
//! While a text is under way the programs are taken out of their place and put back only after a whole answer. So a caller
//! who gives up, a deadline or a broken pipe always ends them, and the next text starts afresh instead of reading the
//! answer to the one before.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
};

use crate::error::ProviderError;

/// Programs that are started when needed and live until they break or the pipe is dropped.
#[derive(Debug)]
pub(crate) struct Pipe {
    provider: String,
    /// How to install the programs.
    install: String,
    programs: Vec<Vec<String>>,
    deadline: Duration,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Killed when dropped.
    children: Vec<Child>,
    /// Of the next text.
    number: u64,
}

impl Pipe {
    /// Starts nothing yet. `deadline` is for one text.
    pub(crate) fn new(provider: &str, install: &str, programs: Vec<Vec<String>>, deadline: Duration) -> Self {
        let running = Mutex::new(None);
        Self { provider: provider.to_owned(), install: install.to_owned(), programs, deadline, running }
    }

    /// Sends a text, escaped by the caller, and returns what comes out. Texts of several callers queue up. Programs that
    /// died since the last text are started again once.
    ///
    /// # Errors
    /// [`ProviderError::Missing`], [`ProviderError::TimedOut`], or [`ProviderError::Unavailable`] for a broken pipe.
    pub(crate) async fn ask(&self, text: &str) -> Result<String, ProviderError> {
        let mut place = self.running.lock().await;
        if let Some(running) = place.take() {
            match self.exchange(running, text).await {
                Ok((running, answer)) => {
                    *place = Some(running);
                    return Ok(answer);
                }
                Err(ProviderError::Unavailable { message, .. }) => {
                    tracing::warn!(provider = %self.provider, %message, "the pipe is started again");
                }
                Err(error) => return Err(error),
            }
        }
        let (running, answer) = self.exchange(self.start()?, text).await?;
        *place = Some(running);
        Ok(answer)
    }

    /// Ids of the programs that run now.
    #[cfg(test)]
    pub(crate) async fn processes(&self) -> Vec<u32> {
        let running = self.running.lock().await;
        running.iter().flat_map(|running| &running.children).filter_map(Child::id).collect()
    }

    async fn exchange(&self, mut running: Running, text: &str) -> Result<(Running, String), ProviderError> {
        // Written beside reading: neither side's pipe may fill up while the other waits.
        running.number += 1;
        // An empty bracket first: programs that wait to see whether a sentence goes on are then done with it.
        let closing = format!("[][{}\n]", running.number);
        let request = [text.as_bytes(), closing.as_bytes(), b"\0"].concat();
        let mut answer = Vec::new();
        let both = async {
            let Running { input, output, .. } = &mut running;
            let write = async {
                input.write_all(&request).await?;
                input.flush().await
            };
            tokio::try_join!(write, output.read_until(0, &mut answer))
        };
        match tokio::time::timeout(self.deadline, both).await {
            Err(_elapsed) => {
                let (provider, after) = (self.provider.clone(), self.deadline);
                return Err(ProviderError::TimedOut { provider, after });
            }
            Ok(Err(error)) => return Err(self.broken(&error.to_string())),
            Ok(Ok(_)) => {}
        }
        if answer.pop() != Some(0) {
            return Err(self.broken("a program of the pipe ended"));
        }
        let garbled = |message: String| ProviderError::Garbled { provider: self.provider.clone(), message };
        let mut answer = String::from_utf8(answer).map_err(|error| garbled(error.to_string()))?;
        let whole = answer.rfind(&closing).map(|end| answer.truncate(end));
        let died = running.children.iter_mut().any(|child| !matches!(child.try_wait(), Ok(None)));
        if whole.is_none() || died {
            return Err(self.broken("a program of the pipe died"));
        }
        Ok((running, answer))
    }

    fn start(&self) -> Result<Running, ProviderError> {
        let mut children: Vec<Child> = Vec::new();
        let mut input = None;
        let mut last: Option<ChildStdout> = None;
        for words in &self.programs {
            let Some((program, arguments)) = words.split_first() else { continue };
            let from = match last.take() {
                Some(output) => {
                    Stdio::from(output.into_owned_fd().map_err(|error| self.broken(&error.to_string()))?)
                }
                None => Stdio::piped(),
            };
            let mut child = Command::new(program)
                .args(arguments)
                .stdin(from)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .map_err(|error| self.not_started(program, &error))?;
            input = input.or_else(|| child.stdin.take());
            last = child.stdout.take();
            children.push(child);
        }
        match (input, last) {
            (Some(input), Some(output)) => {
                Ok(Running { input, output: BufReader::new(output), children, number: 0 })
            }
            _ => Err(self.broken("it has no programs")),
        }
    }

    fn not_started(&self, program: &str, error: &std::io::Error) -> ProviderError {
        if error.kind() == std::io::ErrorKind::NotFound {
            let (provider, install) = (self.provider.clone(), self.install.clone());
            return ProviderError::Missing { provider, what: program.to_owned(), install };
        }
        self.broken(&format!("{program} cannot be started: {error}"))
    }

    fn broken(&self, message: &str) -> ProviderError {
        let (provider, message) = (self.provider.clone(), message.to_owned());
        ProviderError::Unavailable { provider, retry_after: None, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(programs: &[&[&str]], deadline: Duration) -> Pipe {
        let programs = programs.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        Pipe::new("test", "apt-get install test", programs.collect(), deadline)
    }

    #[tokio::test]
    async fn texts_go_through_every_program_in_order() {
        let pipe = pipe(&[&["cat"], &["cat"]], Duration::from_secs(20));
        assert_eq!(pipe.ask("one").await, Ok("one".to_owned()));
        let long = "x".repeat(300_000);
        assert_eq!(pipe.ask(&long).await, Ok(long.clone()), "longer than a pipe's buffer");
    }

    #[tokio::test]
    async fn programs_that_end_are_started_again() {
        let pipe = pipe(&[&["cat"], &["cat"]], Duration::from_secs(20));
        assert_eq!(pipe.ask("one").await, Ok("one".to_owned()));
        let first = pipe.processes().await;
        let killed = Command::new("kill").args(["-9", &first[0].to_string()]).status().await;
        assert!(killed.expect("kill runs").success());
        assert_eq!(pipe.ask("two").await, Ok("two".to_owned()));
        assert!(pipe.processes().await.iter().all(|id| !first.contains(id)));
    }

    #[tokio::test]
    async fn an_answer_without_its_number_is_no_answer() {
        let pipe = pipe(&[&["sed", "-zu", "s/[0-9]//g"]], Duration::from_secs(20));
        let error = pipe.ask("one").await.unwrap_err();
        assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
    }

    #[tokio::test]
    async fn silence_is_a_timeout_and_ends_the_programs() {
        let pipe = pipe(&[&["sleep", "1000"]], Duration::from_millis(50));
        assert!(matches!(pipe.ask("one").await, Err(ProviderError::TimedOut { .. })));
        assert!(pipe.running.lock().await.is_none());
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_says_what_installs_it() {
        let error = pipe(&[&["no-such-program"]], Duration::from_secs(1)).ask("x").await.unwrap_err();
        assert!(error.to_string().contains("apt-get install test"), "{error}");
    }
}
