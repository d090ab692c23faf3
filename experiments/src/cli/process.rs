//! Statistics of this process from the operating system. None of them is part of a result.

use std::fs;

pub(super) use crate::run::host::peak_memory_bytes;

/// Ticks a second in which Linux counts the CPU time of a process for its users. proc(5), `sysconf(_SC_CLK_TCK)`.
const TICKS_A_SECOND: f64 = 100.0;

/// CPU time of this process so far, in seconds, with all of its threads, also those that have ended; `None` if the
/// system does not report it.
pub(super) fn cpu_seconds() -> Option<f64> {
    // The kernel updates the counter when the thread leaves the CPU, so sleep for a moment.
    std::thread::sleep(std::time::Duration::from_micros(1));
    // The time of a process is counted in ticks, that of a thread in nanoseconds: for a single thread it is better.
    let all = thread_seconds()?.max(process_seconds()?);
    (all > 0.0).then_some(all)
}

fn thread_seconds() -> Option<f64> {
    // The first field is the time on the CPU in nanoseconds. Documentation/scheduler/sched-stats of
    // Linux.
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns / 1e9)
}

fn process_seconds() -> Option<f64> {
    // The second field is the name, in parentheses, in which anything may stand. The fields of user and system time are
    // the 14th and the 15th.
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::{process_seconds, thread_seconds};

    #[test]
    fn threads_that_have_ended_count() {
        let work = || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(80) {
                std::hint::spin_loop();
            }
        };
        let before = process_seconds().expect("Linux tells");
        let on_cpu = std::thread::spawn(move || {
            work();
            std::thread::sleep(Duration::from_micros(1));
            thread_seconds().expect("Linux tells")
        });
        let on_cpu = on_cpu.join().expect("it ends");
        let counted = process_seconds().expect("Linux tells") - before;
        assert!(counted > on_cpu - 0.03, "{counted} of {on_cpu} s");
    }
}
