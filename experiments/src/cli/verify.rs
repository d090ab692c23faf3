//! `lab verify`: checks unit files, and whether a sample of units gives the same results again.

use std::collections::BTreeSet;

use clap::Args;
use sha2::{Digest as _, Sha256};

use super::shares::{Shared, SharedPlan};
use super::status::{counts, exit};
use super::{Exit, Failure, print, stop};
use crate::plan::{Percent, count};
use crate::run::inspect::{Depth, tally};
use crate::run::runner::Options;
use crate::run::store::Store;
use crate::run::unit::Unit;

/// `lab verify`: checks the hash of every unit file; with `--sample`, also runs that share of the
/// units again and compares. Exit code 3 if units are missing or damaged, 4 if a result differs.
#[derive(Args, Clone, Debug)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    shared: SharedPlan,
    /// Run this share of the units again, at least one unit, e.g. `5%`.
    #[arg(long, value_name = "SHARE")]
    sample: Option<Percent>,
    /// Seed that selects the sample.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sample")]
    sample_seed: u64,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

pub(super) fn verify(args: &VerifyArgs) -> Result<Exit, Failure> {
    if args.sample.is_some_and(|it| it > Percent::HUNDRED) {
        return Err(Failure::usage(
            "--sample: a share of the units is at most 100 %",
        ));
    }
    let Shared { plan, parts, .. } = args.shared.read()?;
    let runs = parts.units();
    let folder = args.shared.plan_args.folder(&plan).join("units");
    let store = Store::at(&folder, &parts.version());
    let tally = tally(&store, &runs, Depth::Whole)?;
    print(&format!(
        "{}: {}, {:.1} MB\n{}",
        plan.name,
        count(runs.len(), "unit"),
        tally.bytes as f64 / 1e6,
        counts(&tally)
    ))?;
    let exit = exit(&tally);
    let Some(share) = args.sample.filter(|_| exit == Exit::Done) else {
        return Ok(exit);
    };
    stop::listen()?;
    let sample = sample(&runs, share, args.sample_seed);
    let options = Options {
        jobs: args.jobs,
        force: true,
    };
    let count = sample.len();
    let sample = parts.keep(|it| sample.contains(&it.id));
    sample.run(&store, options, args.quiet)?;
    print(&format!("{count:8} run again, each the same to the byte\n"))?;
    Ok(Exit::Done)
}

/// Ids of the sample: the first units when ordered by a hash of id and seed.
fn sample(units: &[&Unit], share: Percent, seed: u64) -> BTreeSet<String> {
    let key = |unit: &Unit| Sha256::digest(format!("{seed} {}", unit.id).as_bytes());
    let mut order: Vec<_> = units.iter().map(|it| (key(it), *it)).collect();
    order.sort_by(|one, other| (&one.0, &one.1.id).cmp(&(&other.0, &other.1.id)));
    let count = share.of(units.len()).clamp(1, units.len().max(1));
    let first = order.into_iter().take(count);
    first.map(|it| it.1.id.clone()).collect()
}
