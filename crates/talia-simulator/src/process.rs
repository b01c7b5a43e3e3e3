//! What a process uses, read from `/proc` (Linux; `man 5 proc`). Nothing is known elsewhere.

use serde::Serialize;

/// Clock ticks a second in `/proc/*/stat`: 100 on every Linux that user space has seen (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// CPU time of all threads so far, in milliseconds (a multiple of ten).
    pub cpu_ms: u64,
    /// Resident memory, in KiB.
    pub rss_kib: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors; 0 when it may not be known.
    pub descriptors: u64,
}

/// What a process uses now; none when there is no such process.
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the numbers stand behind the last one.
    let numbers: Vec<u64> = stat
        .rsplit_once(')')?
        .1
        .split_whitespace()
        .map(|number| number.parse().unwrap_or(0))
        .collect();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss_kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())?;
    Some(Usage {
        cpu_ms: (numbers.get(11)? + numbers.get(12)?) * 1_000 / TICKS_PER_SECOND,
        rss_kib,
        threads: *numbers.get(17)?,
        descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64),
    })
}

/// CPU time of the calling thread, in milliseconds; none where the kernel doesn't tell.
pub fn thread_cpu_ms() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = statistics.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}
