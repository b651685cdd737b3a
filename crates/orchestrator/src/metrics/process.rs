//! What the system says of this process, by the names that Prometheus' own clients use. Linux only; elsewhere nothing is said.

use std::fs;

use super::text::Text;

/// Clock ticks of `/proc` in a second: a constant of the Linux user interface on every architecture that we run on.
const TICKS: f64 = 100.0;

/// Writes what can be found out.
pub(super) fn write(text: &mut Text) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in brackets, and may hold anything.
    let fields: Vec<&str> =
        stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    let field = |number: usize| -> Option<f64> { fields.get(number - 3)?.parse().ok() };
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        text.one("process_cpu_seconds_total", (user + system) / TICKS);
    }
    if let Some(kib) = number_in("/proc/self/status", "VmRSS:") {
        text.one("process_resident_memory_bytes", kib * 1024);
    }
    if let Some(kib) = number_in("/proc/self/status", "VmSize:") {
        text.one("process_virtual_memory_bytes", kib * 1024);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.one("process_open_fds", open.count());
    }
    if let Some(most) = number_in("/proc/self/limits", "Max open files") {
        text.one("process_max_fds", most);
    }
    if let Some(threads) = field(20) {
        text.one("process_threads", threads);
    }
    if let (Some(since_boot), Some(boot)) = (field(22), boot()) {
        text.one("process_start_time_seconds", boot + since_boot / TICKS);
    }
}

/// When the machine was started, in seconds since 1970.
fn boot() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The first number of the line that begins so.
fn number_in(file: &str, begins: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(begins))?.split_whitespace().next()?.parse().ok()
}
