//! `lab tournament`: every policy against every other.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::args::{self, PlanArgs};
use super::beside::SECTION;
use super::figures::Forms;
use super::folder::{make, make_store};
use super::parts::{Part, Parts};
use super::{Exit, Failure, overwrite, print, stop};
use crate::findings::tournament::Tournament;
use crate::findings::tournament::fixture::{Match, matches};
use crate::findings::tournament::reading::Readings;
use crate::findings::tournament::standing::Standing;
use crate::plan::{Plan, count};
use crate::run::registration;
use crate::run::runner::Options;
use crate::run::store::{Found, Store, write_whole};
use crate::run::swarm::Swarms;
use crate::run::unit::{Shard, Unit};
use crate::show::output::Files;
use crate::show::output::manifest::{self, Host, manifest};
use crate::show::tournament::page::{Context, page, section, sentences};
use crate::show::tournament::pictures::pictures;
use crate::show::tournament::tables::tables;

/// Name of the plan that can only be run as a tournament.
pub(super) const PLAN: &str = "tournament";

/// Runs every policy of a plan against every other: a few of its peers in a swarm of the other, half and half,
/// and in a swarm of its own. Writes tables, pictures and a page.
#[derive(Args, Clone, Debug)]
pub(super) struct TournamentArgs {
    /// Plan file, or the name of a built-in plan. Its candidate and all baselines take part.
    #[arg(default_value = PLAN)]
    plan: String,
    #[command(flatten)]
    plan_args: PlanArgs,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Also run units that have results, and compare: a different result gives exit code 4.
    #[arg(long)]
    force: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
    /// Make no figures and no page.
    #[arg(long)]
    no_plots: bool,
    #[command(flatten)]
    forms: Forms,
    /// Show what would run and how long it would take, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Run only this part of the units, e.g. `2/8`, and make no tables; `--merge` makes them later.
    #[arg(long, value_name = "I/N", conflicts_with_all = ["dry_run", "merge"])]
    shard: Option<Shard>,
    /// Run nothing: make the tables from units that were run in shares. Exit code 3 if units are
    /// missing.
    #[arg(long, conflicts_with_all = ["dry_run", "force"])]
    merge: bool,
    /// With `--merge`: results folder of another machine, whose units are copied; may be repeated.
    #[arg(long, value_name = "DIR", requires = "merge")]
    from: Vec<PathBuf>,
}

/// A file that `lab run` writes and a tournament does not.
const COMPARISON: &str = "summary.csv";

struct Job<'a> {
    args: &'a TournamentArgs,
    tournament: Tournament,
    parts: Parts,
    /// Matches by host.
    matches: Vec<Vec<Match>>,
    folder: PathBuf,
}

pub(super) fn tournament(args: &TournamentArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let (mut plan, engine) = super::load_any(&args.plan, &args.plan_args)?;
    let folder = args.plan_args.folder(&plan);
    overwrite::refuse_folder(&args.plan, &plan, &folder)?;
    if folder.join(COMPARISON).exists() {
        return Err(Failure::usage(format!(
            "{}: holds the results of `lab run`, and a tournament would go over some of them; name \
             another folder with --out",
            folder.display()
        )));
    }
    if !args.dry_run {
        make(&folder)?;
        registration::take_over(&plan, &folder, &args.from)?;
        registration::register(&mut plan, &folder, args.force)?;
    }
    let tournament = Tournament::new(plan).map_err(Failure::usage)?;
    let matches = all_matches(&tournament, &engine)?;
    let job = Job {
        parts: in_parts(&tournament, &engine, &matches),
        matches,
        args,
        tournament,
        folder,
    };
    if args.dry_run {
        return job.dry_run();
    }
    stop::listen()?;
    let store = make_store(&job.folder, &job.parts.version())?;
    let how = Options {
        jobs: args.jobs,
        force: args.force,
    };
    if let Some(shard) = args.shard {
        let merge = "lab tournament --merge";
        return job.parts.run_share(shard, merge, (&store, how, args.quiet));
    }
    let done = if args.merge {
        job.parts.gather(&args.from, &store)?;
        job.parts.all_kept()
    } else {
        job.parts.run(&store, how, args.quiet)?
    };
    let standing = job.standing(&store)?;
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: args.jobs,
        done,
    };
    job.finish(&standing, &host)
}

/// The units of the tournament of a plan.
pub(super) fn parts(plan: &Plan, engine: &Swarms) -> Result<Parts, Failure> {
    let tournament = Tournament::new(plan.clone()).map_err(Failure::usage)?;
    let matches = all_matches(&tournament, engine)?;
    Ok(in_parts(&tournament, engine, &matches))
}

fn all_matches(tournament: &Tournament, engine: &Swarms) -> Result<Vec<Vec<Match>>, Failure> {
    let hosts = 0..tournament.contenders().len();
    let matches = hosts.map(|at| matches(tournament, at, engine));
    Ok(matches.collect::<Result<_, _>>()?)
}

fn in_parts(tournament: &Tournament, engine: &Swarms, matches: &[Vec<Match>]) -> Parts {
    Parts::new(matches.iter().enumerate().map(|(host, own)| Part {
        plan: tournament.plan_of(host),
        engine: engine.clone(),
        units: own.iter().map(|it| it.unit.clone()).collect(),
    }))
}

impl Job<'_> {
    /// Every unit once, even if it belongs to several matches.
    fn units(&self) -> Vec<Unit> {
        self.parts.units().into_iter().cloned().collect()
    }

    fn standing(&self, store: &Store) -> Result<Standing, Failure> {
        let mut readings = Readings::default();
        for it in self.matches.iter().flatten() {
            match store.read(&it.unit)? {
                Found::Valid(outcome) => readings.insert(it, &outcome),
                Found::Missing | Found::Corrupt | Found::OtherEngine(_) => {
                    return Err(Failure {
                        exit: Exit::Io,
                        message: format!(
                            "{}: was written just now and is not readable; is another program \
                             changing the folder?",
                            store.path(&it.unit).display()
                        ),
                    });
                }
            }
        }
        Ok(Standing::of(&self.tournament, &readings))
    }

    fn dry_run(&self) -> Result<Exit, Failure> {
        let store = Store::at(&self.folder.join("units"), &self.parts.version());
        let (name, seeds) = (&self.tournament.plan.name, self.tournament.seeds());
        let policies = match self.matches.len() {
            1 => "1 policy".to_owned(),
            several => format!("{several} policies"),
        };
        let head = format!("{name}: {policies}, {},", count(seeds, "seed"));
        let parts = &self.parts;
        let how = Options {
            jobs: self.args.jobs,
            force: self.args.force,
        };
        parts.dry_run(&head, (&store, how), |_, _| None)
    }

    fn finish(&self, standing: &Standing, host: &Host) -> Result<Exit, Failure> {
        let files = Files::with(tables(&self.tournament, standing));
        let (hash, engine) = (files.hash(), self.parts.version());
        let reproduce = format!(
            "lab tournament {}{}",
            args::quoted(&self.args.plan),
            self.args.plan_args.typed()
        );
        make(&self.folder)?;
        files.write(&self.folder)?;
        let units = self.units();
        let plan = &self.tournament.plan;
        let text = manifest(plan, &units, &engine, &hash, host, &self.folder);
        write_whole(&self.folder.join(manifest::FILE), text.as_bytes())?;
        registration::note(plan, &self.folder, units.len(), &engine)?;
        if !self.args.no_plots {
            let context = Context {
                hash: &hash,
                engine: &engine,
                reproduce: &reproduce,
                units: units.len(),
            };
            self.draw(standing, &context)?;
        }
        let answer = sentences(&self.tournament, standing).join("\n");
        print(&format!(
            "{answer}\nwrote     {} ({} of {} now, {:.1} s)\nresults   sha256 {hash}\nrepeat    \
             {reproduce}{}\n",
            self.folder.display(),
            host.done.ran,
            count(host.done.all(), "run"),
            host.wall_s,
            self.args.plan_args.out_typed(),
        ))?;
        Ok(Exit::Done)
    }

    fn draw(&self, standing: &Standing, context: &Context<'_>) -> Result<(), Failure> {
        let drawings = pictures(&self.tournament, standing);
        let folder = self.folder.join("figures");
        let put = |path: &Path, bytes: &[u8]| write_whole(path, bytes);
        for it in &drawings {
            self.args.forms.write(&folder, it.name, &it.scene)?;
        }
        let text = page(&self.tournament, standing, &drawings, context);
        put(&self.folder.join("report.html"), text.as_bytes())?;
        let part = section(&self.tournament, standing);
        put(&self.folder.join(SECTION), part.html.as_bytes())?;
        Ok(())
    }
}
