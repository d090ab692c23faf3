//! What the operating system knows of this process. Nothing of it enters a result file.

use std::fs;

pub(super) use crate::run::host::peak_memory_bytes;

/// CPU time of this thread so far, in seconds; `None` where the system does not tell.
pub(super) fn cpu_seconds() -> Option<f64> {
    // The count is brought up to date when the thread leaves the CPU: it does so for a moment.
    std::thread::sleep(std::time::Duration::from_micros(1));
    // First field: time on the CPU in nanoseconds. Documentation/scheduler/sched-stats of Linux.
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    (ns > 0.0).then_some(ns / 1e9)
}
