//! `lab repro`: the claims table, checked line by line.

mod claims;
mod figure;
mod rerun;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::{Exit, Failure, print, stop};
use claims::Claims;

/// `lab repro`: is each number of the README the one in the tables, and do runs come out as committed? Code 1
/// if a line fails; with `--strict` also if one cannot be told.
#[derive(Args, Clone, Debug)]
pub(super) struct ReproArgs {
    /// The claims table.
    #[arg(long, value_name = "FILE", default_value = "experiments/claims.toml")]
    claims: PathBuf,
    /// Only claims with this in their name.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Runs of each plan to make again.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Make every run of every plan again and compare whole tables.
    #[arg(long, conflicts_with = "runs")]
    full: bool,
    /// What cannot be told fails as well.
    #[arg(long)]
    strict: bool,
    /// Print the table and check nothing.
    #[arg(long)]
    list: bool,
}

/// What a line came to, and why.
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
        tell(&it.claim, &figure::check(it, root)?, clock)?;
    }
    for it in &claims.reruns {
        let clock = Instant::now();
        let verdict = if args.full {
            rerun::whole(it)?
        } else {
            rerun::sample(it, args.runs as usize)?
        };
        tell(&it.claim, &verdict, clock)?;
    }
    print(&format!(
        "{passed} passed, {failed} failed, {untold} cannot be told; {:.0} s\n",
        started.elapsed().as_secs_f64()
    ))?;
    let bad = failed > 0 || (args.strict && untold > 0);
    Ok(if bad { Exit::CheckFailed } else { Exit::Done })
}
