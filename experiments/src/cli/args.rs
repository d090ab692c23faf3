//! Options that commands share.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::figures::Forms;
use super::{Exit, Failure};
use crate::plan::{Changes, Percent, Plan, Status};
use crate::run::unit::Shard;

/// Plans that need no file.
pub(super) const BUILTIN: &[(&str, &str)] = &[
    (
        "choke_vs_naive",
        include_str!("../../plans/choke_vs_naive.toml"),
    ),
    ("claim_full", include_str!("../../plans/claim_full.toml")),
    ("ladder", include_str!("../../plans/ladder.toml")),
    ("sensitivity", include_str!("../../plans/sensitivity.toml")),
    ("thrift", include_str!("../../plans/thrift.toml")),
    ("tournament", include_str!("../../plans/tournament.toml")),
];

/// Longest plan file that is read.
const MAX_PLAN_BYTES: u64 = 4 << 20;

/// Which part of a plan. Any of these makes the run exploratory.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct PlanArgs {
    /// Only this scenario of the plan; may be repeated.
    #[arg(long, value_name = "ID")]
    scenario: Vec<String>,
    /// Only this baseline of the plan; may be repeated.
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// Another master seed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Another number of paired seeds.
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Change the plan, e.g. `candidate.parameters.slots=5` or `scenario.*.set.peers=20`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of the results; `results/PLAN` if left out, for a changed plan
    /// `results/exploratory/PLAN`.
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

    /// Folder of the results.
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

    /// The options that change results, as they are typed.
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

/// A word as a shell reads it.
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
    /// The text of summary.csv.
    Csv,
    /// Tables for web pages.
    Markdown,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much worse is still the same where nothing else is asked for.
pub(super) const TOLERANCE: &str = "5 %";

/// Options of a run.
#[derive(Args, Clone, Debug)]
pub(super) struct RunOptions {
    #[command(flatten)]
    pub(super) results: ResultOptions,
    /// Threads; 0 for one a core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) jobs: usize,
    /// Run what is there again and compare: a different result ends with code 4.
    #[arg(long, conflicts_with = "resume")]
    pub(super) force: bool,
    /// Run only what is missing (this is what happens anyway).
    #[arg(long)]
    resume: bool,
    /// Do only this share of the units, e.g. `2/8`, and no tables; `lab merge` does the rest.
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// List the units and do nothing.
    #[arg(long)]
    pub(super) list: bool,
    /// Say what would be run and how long it takes, and do nothing else.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What is done with the runs once they are there: by `lab run` with its own, by `lab merge` with
/// those of others.
#[derive(Args, Clone, Debug)]
pub(super) struct ResultOptions {
    #[command(flatten)]
    pub(super) plan_args: PlanArgs,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// No progress.
    #[arg(long)]
    pub(super) quiet: bool,
    /// The tables too, not only the answer; every single comparison is in summary.csv.
    #[arg(long)]
    pub(super) verbose: bool,
    /// No figures and no report.
    #[arg(long)]
    pub(super) no_plots: bool,
    #[command(flatten)]
    pub(super) forms: Forms,
    /// Folder of a tournament to show in the report; `tournament` beside the folder of the results
    /// if left out.
    #[arg(long, value_name = "DIR")]
    pub(super) tournament: Option<PathBuf>,
    /// When to colour verdicts.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Also write peers.csv: one row a peer and run.
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
    /// How much worse is still the same, for `--check`: points of a saving, percent of a ratio.
    #[arg(long, value_name = "SHARE", default_value = TOLERANCE, requires = "check")]
    pub(super) tolerance: Percent,
    /// With `--check`: what is inconclusive or missing fails as well; not what options of this run leave out,
    /// so that a part of a plan can be checked by itself.
    #[arg(long, requires = "check")]
    pub(super) strict: bool,
    /// Write the summary of this run here, with figures by seed, for later `--baseline`.
    #[arg(long, value_name = "FILE")]
    pub(super) save_baseline: Option<PathBuf>,
    /// Write the outcome of `--check` as an XML file that CI systems read.
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(super) junit: Option<PathBuf>,
    /// Append the verdicts as Markdown, for example to a CI job's summary file; with `--check`, the
    /// table of the gate before them.
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
}

impl ResultOptions {
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
        let tolerance = self.tolerance.to_string();
        if tolerance != TOLERANCE {
            let share = tolerance.replace(' ', "");
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

/// Name for messages, text and folder of a plan.
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

/// Threads that `--jobs` means.
pub(super) fn threads(jobs: usize) -> usize {
    match jobs {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        jobs => jobs,
    }
}

/// Reads a file that the user named.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|it| {
        let missing = it.kind() == std::io::ErrorKind::NotFound;
        Failure {
            exit: if missing { Exit::Usage } else { Exit::Io },
            message: format!("{}: {it}", path.display()),
        }
    })
}
