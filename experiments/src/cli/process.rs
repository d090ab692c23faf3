//! Statistics of this process from the operating system. None of them is part of a result.

use std::fs;

pub(super) use crate::run::host::peak_memory_bytes;

/// CPU time of this thread so far, in seconds; `None` if the system does not report it.
pub(super) fn cpu_seconds() -> Option<f64> {
    // The kernel updates the counter when the thread leaves the CPU, so sleep for a moment.
    std::thread::sleep(std::time::Duration::from_micros(1));
    // The first field is the time on the CPU in nanoseconds. Documentation/scheduler/sched-stats of
    // Linux.
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    (ns > 0.0).then_some(ns / 1e9)
}
