//! Progress on standard error: a bar on a terminal, otherwise a line every ten seconds.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plan::count;
use crate::run::runner::Progress;

const EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of a run.
pub(super) enum Bar {
    Quiet,
    Drawn(ProgressBar),
    Lines {
        started: Instant,
        last: Mutex<Instant>,
    },
}

impl Bar {
    pub(super) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            let now = Instant::now();
            return Self::Lines {
                started: now,
                last: Mutex::new(now),
            };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{bar:40} {pos}/{len} runs  {elapsed} (ETA {eta})");
        bar.set_style(style.expect("the template is right"));
        Self::Drawn(bar)
    }

    pub(super) fn finish(&self) {
        if let Self::Drawn(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn at(&self, done: usize, total: usize) {
        match self {
            Self::Quiet => {}
            Self::Drawn(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            Self::Lines { started, last } => {
                let mut last = last
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                if last.elapsed() >= EVERY {
                    *last = Instant::now();
                    eprintln!(
                        "{done} of {} after {} s",
                        count(total, "run"),
                        started.elapsed().as_secs()
                    );
                }
            }
        }
    }
}
