//! Options shared by several commands.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::figures::Forms;
use super::{Exit, Failure};
use crate::plan::{Changes, Percent, Plan, Status, Tolerance, Tolerances, Where};
use crate::run::unit::Shard;

/// Built-in plans.
pub(super) const BUILTIN: &[(&str, &str)] = &[
    (
        "choke_vs_naive",
        include_str!("../../plans/choke_vs_naive.toml"),
    ),
    ("claim_full", include_str!("../../plans/claim_full.toml")),
    ("front", include_str!("../../plans/front.toml")),
    ("ladder", include_str!("../../plans/ladder.toml")),
    ("search", include_str!("../../plans/search.toml")),
    ("sensitivity", include_str!("../../plans/sensitivity.toml")),
    ("thrift", include_str!("../../plans/thrift.toml")),
    ("tournament", include_str!("../../plans/tournament.toml")),
];

/// Longest plan file that is read, in bytes.
const MAX_PLAN_BYTES: u64 = 4 << 20;

/// Selects a part of a plan. Any of these options makes the run exploratory.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct PlanArgs {
    /// Run only this scenario of the plan; may be repeated.
    #[arg(long, value_name = "ID")]
    scenario: Vec<String>,
    /// Run only this baseline of the plan; may be repeated.
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// Use this master seed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Use this number of paired seeds.
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Change the plan, e.g. `candidate.parameters.slots=5` or `scenario.*.set.peers=20`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder for the results. Default: `results/PLAN`, or `results/exploratory/PLAN` for a changed
    /// plan.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

impl PlanArgs {
    pub(super) fn changes(&self) -> Changes {
        Changes {
            set: self.set.clone(),
            scenarios: self.scenario.clone(),
            policies: self.policy.clone(),
            seed: self.seed,
            seeds: self.seeds,
        }
    }

    /// Folder for the results.
    pub(super) fn folder(&self, plan: &Plan) -> PathBuf {
        let usual = || {
            let results = Path::new("results");
            if plan.status == Status::Exploratory {
                results.join("exploratory").join(&plan.name)
            } else {
                results.join(&plan.name)
            }
        };
        self.out.clone().unwrap_or_else(usual)
    }

    /// The folder, as the user would type it. It changes no result, so that no file has it.
    pub(super) fn out_typed(&self) -> String {
        let out = self.out.as_ref();
        out.map_or_else(String::new, |it| {
            format!(" --out {}", quoted(&it.to_string_lossy()))
        })
    }

    /// The options that change results, as the user would type them.
    pub(super) fn typed(&self) -> String {
        let numbers = [self.seed, self.seeds.map(u64::from)].map(|it| it.map(|it| it.to_string()));
        let [seed, seeds] = &numbers;
        let named = [
            ("scenario", self.scenario.as_slice()),
            ("policy", self.policy.as_slice()),
            ("seed", seed.as_slice()),
            ("seeds", seeds.as_slice()),
            ("set", self.set.as_slice()),
        ];
        let mut text = String::new();
        for (name, value) in named
            .iter()
            .flat_map(|it| it.1.iter().map(|value| (it.0, value)))
        {
            write!(text, " --{name} {}", quoted(value)).expect("writing to a string does not fail");
        }
        text
    }
}

/// A word quoted for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._-=/:%,".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables for people.
    Human,
    /// One JSON document.
    Json,
    /// The content of summary.csv.
    Csv,
    /// Tables for web pages.
    Markdown,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Options of a run.
#[derive(Args, Clone, Debug)]
pub(super) struct RunOptions {
    #[command(flatten)]
    pub(super) results: ResultOptions,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) jobs: usize,
    /// Also run units that have results, and compare: a different result gives exit code 4.
    #[arg(long, conflicts_with = "resume")]
    pub(super) force: bool,
    /// Run only missing units (the default).
    #[arg(long)]
    resume: bool,
    /// Run only this part of the units, e.g. `2/8`, and make no tables; `lab merge` makes them
    /// later.
    #[arg(
        long,
        value_name = "I/N",
        conflicts_with_all = ["check", "save_baseline", "junit", "summary", "dry_run"]
    )]
    pub(super) shard: Option<Shard>,
    /// List the units and run nothing.
    #[arg(long)]
    pub(super) list: bool,
    /// Show what would run and how long it would take, and run nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What to do with finished runs: `lab run` uses it for its own runs, `lab merge` for those of
/// others.
#[derive(Args, Clone, Debug)]
pub(super) struct ResultOptions {
    #[command(flatten)]
    pub(super) plan_args: PlanArgs,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Show no progress.
    #[arg(long)]
    pub(super) quiet: bool,
    /// Print the tables as well as the answer. All comparisons are in summary.csv.
    #[arg(long)]
    pub(super) verbose: bool,
    /// Make no figures and no report.
    #[arg(long)]
    pub(super) no_plots: bool,
    #[command(flatten)]
    pub(super) forms: Forms,
    /// Folder of a tournament to include in the report; default: `tournament` beside the results
    /// folder.
    #[arg(long, value_name = "DIR")]
    pub(super) tournament: Option<PathBuf>,
    /// When to colour verdicts.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Also write peers.csv: one row per peer and run.
    #[arg(long)]
    pub(super) peers: bool,
    /// Compare with the registered summary; results are written only to a named --out. Code 1 if a figure is shown
    /// to be worse by more than the tolerance, or a verdict turned against the candidate. What the
    /// intervals leave open is inconclusive: no failure, and no pass either; so is what is registered and
    /// missing now. What --scenario, --policy or --set leave out of the plan is not missed: only the rest is
    /// compared, and how many rows that leaves out is said. A reading over all scenarios is compared only
    /// where they are the same scenarios.
    #[arg(long)]
    pub(super) check: bool,
    /// What `--save-baseline` wrote, or the summary.csv to compare with; `results/PLAN/summary.csv` if left out.
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(super) baseline: Option<PathBuf>,
    /// Read the baseline as it was at this revision of the repository, e.g. `HEAD^`: results that were regenerated
    /// with a change do not hide what it does.
    #[arg(long, value_name = "REV", requires = "check")]
    pub(super) baseline_from: Option<String>,
    /// How much worse is still the same, for `--check`: points of a saving, percent of a ratio. Left out: what
    /// the plan says in `[gate]`, or 5 %.
    #[arg(long, value_name = "SHARE", requires = "check")]
    pub(super) tolerance: Option<Percent>,
    /// With `--check`: what is inconclusive or missing fails as well; not what options of this run leave out,
    /// so that a part of a plan can be checked by itself.
    #[arg(long, requires = "check")]
    pub(super) strict: bool,
    /// Write the summary of this run to this file, with values by seed, for a later `--baseline`.
    #[arg(long, value_name = "FILE")]
    pub(super) save_baseline: Option<PathBuf>,
    /// Write the outcome of `--check` as `JUnit` XML, which CI systems read.
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(super) junit: Option<PathBuf>,
    /// Append the verdicts as Markdown, for example to a CI job's summary file; with `--check`, the
    /// table of the gate before them.
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
}

impl ResultOptions {
    /// How much worse each quantity may be.
    pub(super) fn tolerances(&self, plan: &Plan) -> Tolerances {
        let given = self
            .tolerance
            .map(|it| Tolerances::all(Tolerance::Share(it)));
        given.unwrap_or_else(|| plan.tolerances.clone())
    }

    /// The options that decide what a check says, as they are typed. Where it writes its outcome
    /// decides nothing.
    pub(super) fn check_typed(&self) -> String {
        let mut text = " --check".to_owned();
        if let Some(it) = &self.baseline {
            let file = quoted(&it.to_string_lossy());
            write!(text, " --baseline {file}").expect("writing to a string does not fail");
        }
        if let Some(it) = &self.baseline_from {
            let revision = quoted(it);
            write!(text, " --baseline-from {revision}").expect("writing to a string does not fail");
        }
        if let Some(it) = self.tolerance {
            let share = it.to_string().replace(' ', "");
            write!(text, " --tolerance {share}").expect("writing to a string does not fail");
        }
        if self.strict {
            text.push_str(" --strict");
        }
        text
    }
}

/// `lab run`.
#[derive(Args, Clone, Debug)]
pub(super) struct RunArgs {
    /// Plan file, or the name of a built-in plan.
    pub(super) plan: String,
    #[command(flatten)]
    pub(super) options: RunOptions,
}

/// Name for messages, text, and folder of a plan.
pub(super) fn plan_text(plan: &str) -> Result<(String, String, PathBuf), Failure> {
    let path = Path::new(plan);
    if !path.exists()
        && let Some((name, text)) = BUILTIN.iter().find(|it| it.0 == plan)
    {
        return Ok((format!("{name}.toml"), (*text).to_owned(), PathBuf::new()));
    }
    let cannot = |why: String| {
        let names: Vec<&str> = BUILTIN.iter().map(|it| it.0).collect();
        let known = names.join(", ");
        Failure::usage(format!(
            "{plan}: {why}; give a plan file or a built-in plan ({known})"
        ))
    };
    let length = std::fs::metadata(path)
        .map_err(|it| cannot(it.to_string()))?
        .len();
    if length > MAX_PLAN_BYTES {
        return Err(cannot(format!("{length} bytes are no plan")));
    }
    let text = std::fs::read_to_string(path).map_err(|it| cannot(it.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok((plan.to_owned(), text, folder))
}

/// The plan that is built into a command. Its errors name the command and the option: nobody wrote the file.
pub(super) fn built_in(command: &str, text: &str, changes: &Changes) -> Result<Plan, Failure> {
    crate::plan::load(command, text, changes).map_err(|mut it| {
        if let (Some(seeds), "seeds.count") = (changes.seeds, it.key.as_str()) {
            it.at = Where::Option(format!("--seeds {seeds}"));
            it.key.clear();
        } else if let Where::Line(_) = it.at {
            it.at = Where::Whole;
        }
        it.into()
    })
}

/// Number of threads for a value of `--jobs`.
pub(super) fn threads(jobs: usize) -> usize {
    match jobs {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        jobs => jobs,
    }
}

/// Reads a file that the user named.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|it| {
        let (exit, why) = match it.kind() {
            std::io::ErrorKind::NotFound => (Exit::Usage, it.to_string()),
            std::io::ErrorKind::InvalidData => {
                let why = "it is no text in UTF-8: it is damaged, or another file";
                (Exit::Usage, why.to_owned())
            }
            _ => (Exit::Io, it.to_string()),
        };
        let message = format!("{}: {why}", path.display());
        Failure { exit, message }
    })
}
