//! `lab repro`: checks the table of claims, line by line.

mod claims;
mod figure;
mod rerun;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::{Exit, Failure, print, stop};
use claims::Claims;

/// `lab repro`: checks that each number in the README agrees with the tables, and that runs repeat
/// as committed. Exit code 1 if a line fails; with `--strict` also if a line cannot be decided.
#[derive(Args, Clone, Debug)]
pub(super) struct ReproArgs {
    /// The table of claims.
    #[arg(long, value_name = "FILE", default_value = "experiments/claims.toml")]
    claims: PathBuf,
    /// Only claims whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Number of runs of each plan to repeat.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Repeat every run of every plan and compare whole tables.
    #[arg(long, conflicts_with = "runs")]
    full: bool,
    /// Check only numbers in the README against the tables; repeat no run.
    #[arg(long, conflicts_with_all = ["runs", "full"])]
    figures: bool,
    /// A line that cannot be decided fails as well.
    #[arg(long)]
    strict: bool,
    /// Print the table and check nothing.
    #[arg(long)]
    list: bool,
}

/// The result for a line, with a reason.
enum Verdict {
    Pass(String),
    Fail(String),
    CannotTell(String),
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "PASS",
            Self::Fail(_) => "FAIL",
            Self::CannotTell(_) => "CANNOT TELL",
        }
    }

    fn why(&self) -> &str {
        let (Self::Pass(it) | Self::Fail(it) | Self::CannotTell(it)) = self;
        it
    }
}

pub(super) fn repro(args: &ReproArgs) -> Result<Exit, Failure> {
    let claims = Claims::read(&args.claims, args.only.as_deref())?;
    if args.list {
        print(&claims.table())?;
        return Ok(Exit::Done);
    }
    stop::listen()?;
    let started = Instant::now();
    let (mut passed, mut failed, mut untold) = (0, 0, 0);
    let mut tell = |claim: &str, verdict: &Verdict, clock: Instant| {
        match verdict {
            Verdict::Pass(_) => passed += 1,
            Verdict::Fail(_) => failed += 1,
            Verdict::CannotTell(_) => untold += 1,
        }
        let (word, why, seconds) = (verdict.word(), verdict.why(), clock.elapsed().as_secs_f64());
        print(&format!("{word:12}{claim}: {why} ({seconds:.1} s)\n"))
    };
    let root = Path::new("");
    for it in &claims.figures {
        let clock = Instant::now();
        tell(&it.claim, &told(figure::check(it, root))?, clock)?;
    }
    let reruns = if args.figures {
        &[][..]
    } else {
        &claims.reruns[..]
    };
    for it in reruns {
        let clock = Instant::now();
        let verdict = if args.full {
            rerun::whole(it)
        } else {
            rerun::sample(it, args.runs as usize)
        };
        tell(&it.claim, &told(verdict)?, clock)?;
    }
    print(&format!(
        "{passed} passed, {failed} failed, {untold} cannot be told; {:.0} s\n",
        started.elapsed().as_secs_f64()
    ))?;
    let bad = failed > 0 || (args.strict && untold > 0);
    Ok(if bad { Exit::CheckFailed } else { Exit::Done })
}

/// A file that is missing or damaged fails its own claim, and the others are checked all the same.
fn told(verdict: Result<Verdict, Failure>) -> Result<Verdict, Failure> {
    match verdict {
        Err(it) if matches!(it.exit, Exit::Usage | Exit::Io) => Ok(Verdict::Fail(it.message)),
        other => other,
    }
}
