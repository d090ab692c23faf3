//! Properties of the machine: time, memory, names. No result or hash includes any of them.

use std::fs;
use std::time::Instant;

/// CPU time of this thread if the system reports it (Linux does), so that a busy machine does not
/// make a plan look long; otherwise elapsed time.
pub(super) struct Clock {
    passed: Instant,
    on_cpu_ns: Option<u64>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            passed: Instant::now(),
            on_cpu_ns: Self::on_cpu_ns(),
        }
    }

    /// Seconds since the start. Must be called on the same thread.
    pub(super) fn seconds(&self) -> f64 {
        let on_cpu = self.on_cpu_ns.zip(Self::on_cpu_ns());
        on_cpu.map_or_else(
            || self.wall_seconds(),
            |(before, now)| (now - before) as f64 / 1e9,
        )
    }

    /// Elapsed seconds since the start.
    pub(super) fn wall_seconds(&self) -> f64 {
        self.passed.elapsed().as_secs_f64()
    }

    /// First field of the thread's scheduler statistics: nanoseconds on a processor.
    fn on_cpu_ns() -> Option<u64> {
        let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse().ok()
    }
}

/// Peak memory of this process in bytes; `None` if the system does not report it.
#[must_use]
pub fn peak_memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Name of this machine, from the batch system or the operating system.
#[must_use]
pub fn name() -> String {
    let given = std::env::var("SLURMD_NODENAME").ok();
    let given = given.or_else(|| fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let given = given.unwrap_or_default();
    let plain = |it: &char| it.is_ascii_alphanumeric() || "._-".contains(*it);
    let name: String = given.trim().chars().filter(plain).take(64).collect();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name
    }
}
