//! Runs on several threads. Their order and number do not change results: a run is a function of
//! its request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::SwarmSpec;
use unchoke_sim::world;

use crate::columns::{Table, tables};

/// Why there is no result.
pub(crate) enum Fault {
    /// The request is wrong; the text says what and where.
    Input(String),
    /// An assertion of the simulator stopped a run.
    Broken(String),
}

/// A swarm to run.
pub(crate) struct Request {
    spec: SwarmSpec,
}

impl Request {
    pub(crate) fn read(scenario: &str, seed: u64, set: &[String]) -> Result<Self, Fault> {
        let read = Scenario::load(scenario, set).map_err(|it| Fault::Input(it.to_string()))?;
        let spec = expand(&read, seed);
        Ok(Self { spec })
    }
}

/// The result of a request.
pub(crate) struct Run {
    pub(crate) digest: String,
    pub(crate) tables: Vec<Table>,
}

pub(crate) fn run(requests: &[Request], jobs: usize) -> Result<Vec<Run>, Fault> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = if jobs == 0 { cores() } else { jobs };
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<Run, Fault>>>> = requests.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(requests.len()) {
            scope.spawn(|| {
                while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < requests.len()) {
                    *done[at].lock().expect("nobody panics with it") = Some(one(&requests[at]));
                }
            });
        }
    });
    let taken = done.into_iter().map(|it| {
        let it = it.into_inner().expect("nobody panics with it");
        it.expect("each request was taken by a thread")
    });
    taken.collect()
}

fn one(request: &Request) -> Result<Run, Fault> {
    let ended = catch_unwind(AssertUnwindSafe(|| world::run(&request.spec, None)));
    let result = ended.map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        Fault::Broken(format!("a run broke an invariant of the simulator: {}", text.unwrap_or("no message")))
    })?;
    let result = result.map_err(|it| Fault::Input(it.to_string()))?;
    Ok(Run {
        digest: format!("{:016x}", result.digest),
        tables: tables(&request.spec, &result),
    })
}
