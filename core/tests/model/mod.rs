//! Compares the core with a slow and simple reference model, in random runs with hostile peers.
//!
//! The seed of a run determines everything: the torrent, up to forty peers of different natures,
//! and random messages at random times. The [`reference`] checks every input and output. One honest
//! seed stays connected. Whatever the other peers do, the download must finish within
//! [`Setup::bound_ms`].
//!
//! `cargo test` runs the first seeds. To run more: `UNCHOKE_MODEL_SEEDS=100000 cargo test -p
//! unchoke-core model`. `UNCHOKE_MODEL_START=n` starts at another seed, and
//! `UNCHOKE_MODEL_SECONDS=n` limits the time. A failure prints its seed, the command that repeats
//! it, and the smallest setup found that still fails. `UNCHOKE_MODEL_TRACE=1` prints every input
//! and output.

#![allow(unreachable_pub, reason = "parts of one test")]

mod actor;
mod acts;
mod cases;
mod check;
mod dice;
mod owed;
mod reference;
mod setup;
mod shrink;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use setup::Setup;

/// Number of seeds in a plain `cargo test`: every policy runs with every picker, three times.
const SEEDS: u64 = 300;

#[expect(
    clippy::disallowed_methods,
    reason = "the user may set how long to test; a run depends only on its seed"
)]
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} must be a whole number, not '{text}'")))
}

#[test]
#[expect(
    clippy::disallowed_types,
    reason = "a limit on how long to test; no run sees a clock"
)]
fn the_core_agrees_with_the_reference_and_an_honest_seed_is_enough() {
    let start = number("UNCHOKE_MODEL_START").unwrap_or(0);
    let seeds = number("UNCHOKE_MODEL_SEEDS").unwrap_or(SEEDS);
    let seconds = number("UNCHOKE_MODEL_SECONDS").unwrap_or(u64::MAX);
    let deadline = std::time::Instant::now().checked_add(Duration::from_secs(seconds));
    let next = AtomicU64::new(start);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while deadline.is_none_or(|it| std::time::Instant::now() < it) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= start + seeds {
                return;
            }
            if let Err(fault) = shrink::attempt(&Setup::draw(seed)) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push((seed, fault));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let begun = next.into_inner().min(start.saturating_add(seeds)) - start;
    println!("ran {begun} seeds, starting at {start}");
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort();
    let faults: Vec<String> = failed
        .iter()
        .map(|it| format!("seed {}: {}", it.0, it.1))
        .collect();
    if let Some((seed, _)) = failed.first() {
        panic!(
            "{} seeds fail\n{}\n{}",
            failed.len(),
            faults.join("\n"),
            shrink::report(*seed)
        );
    }
}
