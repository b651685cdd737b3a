//! How the machine is: load, processor, memory, disk, as the Linux kernel says it.

use std::{path::PathBuf, time::Duration};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};

/// Between the two looks at the processor's counters, of which the difference is what it did.
const LOOK: Duration = Duration::from_millis(250);

/// Nothing is asked.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Nothing {}

/// How the machine is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Runnable tasks, averaged over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Part of the processors' time that was used, 0 to 1, in a quarter of a second.
    pub processor: f64,
    /// Bytes of memory.
    pub memory: Room,
    /// Bytes of the disk that the service's folder is on.
    pub disk: Room,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// In all.
    pub total: u64,
    /// That can still be used.
    pub free: u64,
}

/// Looks.
#[derive(Debug)]
pub struct Monitor {
    /// A folder on the disk that is looked at.
    pub folder: PathBuf,
}

impl Phase for Monitor {
    const NAME: &'static str = "monitor";
    type Input = Nothing;
    type Output = Machine;

    async fn run(&self, ctx: Context, _: Nothing) -> Result<Success<Machine>, PhaseError> {
        let before = ticks(&read("/proc/stat").await?)?;
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = ctx.cancelled() => return Err(PhaseError::Cancelled),
        }
        let after = ticks(&read("/proc/stat").await?)?;
        Ok(Success::new(Machine {
            load: load(&read("/proc/loadavg").await?)?,
            processor: after.used_since(before),
            memory: memory(&read("/proc/meminfo").await?)?,
            disk: self.disk()?,
        }))
    }
}

impl Monitor {
    fn disk(&self) -> Result<Room, PhaseError> {
        let said = rustix::fs::statvfs(&self.folder)
            .map_err(|error| unreadable(&self.folder.display().to_string(), &error))?;
        Ok(Room {
            total: said.f_blocks.saturating_mul(said.f_frsize),
            free: said.f_bavail.saturating_mul(said.f_frsize),
        })
    }
}

async fn read(path: &str) -> Result<String, PhaseError> {
    tokio::fs::read_to_string(path).await.map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &str, why: &dyn std::fmt::Display) -> PhaseError {
    PhaseError::permanent("no-figures", format!("{path} can't be read: {why}"))
}

fn load(text: &str) -> Result<[f64; 3], PhaseError> {
    let mut words = text.split_whitespace().map(str::parse);
    match (words.next(), words.next(), words.next()) {
        (Some(Ok(one)), Some(Ok(five)), Some(Ok(fifteen))) => Ok([one, five, fifteen]),
        _ => Err(unreadable("/proc/loadavg", &"it has another form")),
    }
}

/// The processors' time since the machine was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl Ticks {
    #[expect(clippy::cast_precision_loss, reason = "it is a part of a quarter of a second")]
    fn used_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle).min(all);
        if all == 0 { 0.0 } else { (all - idle) as f64 / all as f64 }
    }
}

fn ticks(text: &str) -> Result<Ticks, PhaseError> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "));
    let figures: Option<Vec<u64>> =
        line.and_then(|line| line.split_whitespace().map(|figure| figure.parse().ok()).collect());
    match figures.as_deref() {
        // user nice system idle iowait irq softirq steal; what follows is contained in these.
        Some([first @ .., _, _]) if first.len() >= 5 => {
            Ok(Ticks { all: first.iter().take(8).sum(), idle: first[3] + first[4] })
        }
        _ => Err(unreadable("/proc/stat", &"it has another form")),
    }
}

fn memory(text: &str) -> Result<Room, PhaseError> {
    let kib = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    match (kib("MemTotal"), kib("MemAvailable")) {
        (Some(total), Some(free)) => Ok(Room { total, free }),
        _ => Err(unreadable("/proc/meminfo", &"it has another form")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n";
        let before = ticks(stat).expect("it fits");
        assert_eq!(before, Ticks { all: 1_000, idle: 850 });
        let after = Ticks { all: 1_100, idle: 925 };
        assert!((after.used_since(before) - 0.25).abs() < 1e-9);
        assert!(before.used_since(after).abs() < 1e-9, "counters that went back");
        assert_eq!(load("0.50 1.25 2.00 1/234 5678\n").expect("it fits"), [0.5, 1.25, 2.0]);
        let room = memory("MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n").expect("it fits");
        assert_eq!(room, Room { total: 2 << 20, free: 1 << 20 });
        assert!(ticks("intr 1").is_err() && load("x").is_err() && memory("").is_err());
    }
}
