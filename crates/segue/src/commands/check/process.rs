//! The service as a process of ours: started by its command line, killed as by kill -9, started again.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A service that we run.
#[derive(Debug)]
pub(super) struct Process {
    line: String,
    /// Host and port.
    address: String,
    child: Child,
}

impl Process {
    /// Starts it, and returns when it can be connected to.
    pub(super) async fn start(line: &str, service: &str, patience: Duration) -> Result<Self> {
        let address = service.split_once("://").map_or(service, |(_, rest)| rest);
        let address = address.split('/').next().unwrap_or_default().to_owned();
        if tokio::net::TcpStream::connect(&address).await.is_ok() {
            bail!("somebody listens at {address} already: end it, or leave out --run");
        }
        let mut process = Self { line: line.to_owned(), address, child: spawn(line)? };
        process.ready(patience).await?;
        Ok(process)
    }

    async fn ready(&mut self, patience: Duration) -> Result<()> {
        let (address, line, child) = (&self.address, &self.line, &mut self.child);
        let connected = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                if let Some(status) = child.try_wait().context("the service can't be watched")? {
                    bail!("`{line}` ended before anybody listened at {address}: {status}");
                }
                tokio::time::sleep(super::LOOK_EVERY).await;
            }
            Ok(())
        };
        tokio::time::timeout(patience, connected)
            .await
            .with_context(|| format!("nobody listens at {address} after `{line}`"))?
    }

    /// Kills it with all that it has started, and starts it again.
    pub(super) async fn kill_and_start(&mut self, patience: Duration) -> Result<()> {
        self.kill();
        self.child.wait().await.context("the service can't be waited for")?;
        // What the shell had started is killed with it, but may take a moment longer to go.
        let gone = async {
            while tokio::net::TcpStream::connect(&self.address).await.is_ok() {
                tokio::time::sleep(super::LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(patience, gone).await.context("the service listens on after kill -9")?;
        self.child = spawn(&self.line)?;
        self.ready(patience).await
    }

    fn kill(&self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may be gone already, which is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(line: &str) -> Result<Child> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).process_group(0).stdin(Stdio::null());
    // Its words go where ours of complaint go: standard output is the report's.
    command.stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    command.spawn().with_context(|| format!("`{line}` can't be started"))
}
