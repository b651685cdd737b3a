//! What is measured, as processes: the relay in both forms, and Segue on either journal with one or more orchestrators.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    http::{Client, Error},
    pipeline,
};

/// How long a process may take until it is ready.
const START: Duration = Duration::from_secs(600);

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The relay that writes nothing.
    Bare,
    /// The relay with one sync for a group of records.
    Durable,
    /// Segue with its own journal.
    Embedded,
    /// So many orchestrators on one PostgreSQL database.
    Postgres {
        /// The database.
        url: String,
        /// How many.
        orchestrators: usize,
    },
}

impl Kind {
    /// Its name in results.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Bare => "bare".to_owned(),
            Self::Durable => "durable".to_owned(),
            Self::Embedded => "embedded".to_owned(),
            Self::Postgres { orchestrators, .. } => format!("postgres x{orchestrators}"),
        }
    }
}

/// A system that runs. It is killed when it is dropped.
#[derive(Debug)]
pub struct System {
    processes: Vec<Child>,
    commands: Vec<(PathBuf, Vec<String>, PathBuf)>,
    /// Where its orchestrators are.
    pub urls: Vec<String>,
    is_relay: bool,
}

impl Drop for System {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody has.
///
/// # Errors
/// Where there is none.
pub fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl System {
    /// Prepares and starts one. The load's service listens at `stub`; `folder` is its own.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn start(kind: &Kind, segue: &Path, stub: &str, folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        let count = if let Kind::Postgres { orchestrators, .. } = kind { *orchestrators } else { 1 };
        let (mut commands, mut urls) = (Vec::new(), Vec::new());
        for number in 0..count {
            let own = folder.join(number.to_string());
            fs::create_dir_all(own.join("pipelines"))?;
            let port = free_port()?;
            urls.push(format!("http://127.0.0.1:{port}"));
            let output = own.join("log");
            commands.push(match kind {
                Kind::Bare | Kind::Durable => {
                    let mut arguments =
                        vec!["relay".to_owned(), format!("127.0.0.1:{port}"), format!("{stub}/start")];
                    if *kind == Kind::Durable {
                        arguments.push(own.join("records").display().to_string());
                    }
                    (std::env::current_exe()?, arguments, output)
                }
                Kind::Embedded | Kind::Postgres { .. } => {
                    let config = write_config(&own, port, stub, kind)?;
                    let arguments = vec!["orchestrate".to_owned(), "--config".to_owned(), config];
                    (segue.to_owned(), arguments, output)
                }
            });
        }
        let is_relay = matches!(kind, Kind::Bare | Kind::Durable);
        let mut system = Self { processes: Vec::new(), commands, urls, is_relay };
        system.bring_up().await?;
        Ok(system)
    }

    /// Starts its processes, and waits until all are ready. Returns how long that took.
    ///
    /// # Errors
    /// Where one ends, or is not ready in time.
    pub async fn bring_up(&mut self) -> Result<Duration, Error> {
        let began = Instant::now();
        for (program, arguments, output) in &self.commands {
            let log = fs::File::create(output)?;
            let child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()?;
            self.processes.push(child);
        }
        let client = Client::default();
        for url in self.urls.clone() {
            let ready = match (self.is_relay, self.urls.len()) {
                (true, _) => format!("{url}/"),
                (false, 1) => format!("{url}/ready"),
                // One that stands by is ready before anybody leads. This it passes on to whoever does.
                (false, _) => format!("{url}/api/jobs?limit=1"),
            };
            loop {
                match client.get(&ready).await {
                    Ok((status, _)) if self.is_relay || status.is_success() => break,
                    Ok(_) | Err(_) => {}
                }
                for (child, (_, _, output)) in self.processes.iter_mut().zip(&self.commands) {
                    if let Some(status) = child.try_wait()? {
                        return Err(format!("it ended, {status}: {}", fs::read_to_string(output)?).into());
                    }
                }
                if began.elapsed() > START {
                    return Err(format!("{url} is not ready after {} s", START.as_secs()).into());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(began.elapsed())
    }

    /// kill -9 for all of it.
    pub fn kill(&mut self) {
        for child in &mut self.processes {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.processes.clear();
    }

    /// Bytes of memory that are its own (not files): all its processes together.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn memory(&self) -> Result<u64, Error> {
        let mut sum = 0;
        for child in &self.processes {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
            let kib = line.and_then(|rest| rest.split_whitespace().next()).ok_or("no RssAnon")?;
            sum += kib.parse::<u64>()? * 1024;
        }
        Ok(sum)
    }

    /// Seconds of processor time that it has used.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn processor(&self) -> Result<f64, Error> {
        let mut ticks = 0;
        for child in &self.processes {
            let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
            let rest = stat.rsplit_once(')').ok_or("no stat")?.1;
            let fields: Vec<&str> = rest.split_whitespace().collect();
            ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        }
        // A hundredth of a second each, on every Linux that Rust runs on.
        Ok(ticks as f64 / 100.0)
    }
}

/// Writes the configuration and the pipelines: `bench`, and `parked` for jobs that wait beside it.
fn write_config(own: &Path, port: u16, stub: &str, kind: &Kind) -> Result<String, Error> {
    let config = own.join("services.toml");
    let mut text = format!(
        "[orchestrator]\nlisten = \"127.0.0.1:{port}\"\ndata = {:?}\n",
        own.join("data").display().to_string()
    );
    if let Kind::Postgres { url, .. } = kind {
        text.push_str(&format!("journal = {url:?}\n"));
    }
    for service in ["stub", "parked"] {
        text.push_str(&format!("\n[service.{service}]\nurl = \"{stub}\"\ncapacity = 1000000\n"));
    }
    fs::write(&config, text)?;
    fs::write(own.join("pipelines/bench.toml"), pipeline::toml("bench", "stub"))?;
    fs::write(own.join("pipelines/parked.toml"), pipeline::toml("parked", "parked"))?;
    Ok(config.display().to_string())
}
