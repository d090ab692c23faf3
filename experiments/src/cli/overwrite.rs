//! Prevents a command from overwriting its own inputs.

use std::path::{Path, PathBuf};

use super::Failure;
use super::args::ResultOptions;
use super::check::registered_file;
use crate::plan::Plan;
use crate::show::output::PLAN_FILE;

/// An option, and the file that it names, if given.
pub(super) type Output<'a> = (&'static str, Option<&'a Path>);

/// Fails if an output is the same file as an input, even under another name.
pub(super) fn refuse(inputs: &[PathBuf], outputs: &[Output<'_>]) -> Result<(), Failure> {
    for (option, path) in outputs {
        let Some(path) = path else { continue };
        if let Some(input) = inputs.iter().find(|it| same(it, path)) {
            return Err(Failure::usage(format!(
                "{option} {}: this is {}, which is read and would be written over; give another name",
                path.display(),
                input.display()
            )));
        }
    }
    Ok(())
}

/// The files of a plan: its own, and those of its scenarios. A built-in plan has none.
pub(super) fn plan_files(name: &str, plan: &Plan) -> Vec<PathBuf> {
    let own = PathBuf::from(name);
    let folder = own.parent().unwrap_or(Path::new("")).to_owned();
    let scenarios = plan.scenarios.iter().map(|it| folder.join(&it.source));
    std::iter::once(own).chain(scenarios).collect()
}

/// For commands that write a results folder. A plan file that such a command wrote there may be run
/// again; it is replaced by the same text.
pub(super) fn refuse_folder(name: &str, plan: &Plan, folder: &Path) -> Result<(), Failure> {
    let written = folder.join(PLAN_FILE);
    let inputs = plan_files(name, plan);
    let Some(input) = inputs.iter().find(|it| same(it, &written)) else {
        return Ok(());
    };
    if std::fs::read_to_string(&written).is_ok_and(|it| it == plan.to_toml()) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{}: this is read, and the results would put their own {PLAN_FILE} in its place; name another \
         folder with --out",
        input.display()
    )))
}

/// For `lab run` and `lab merge`. A new baseline may replace the one that was compared with.
pub(super) fn refuse_results(
    name: &str,
    plan: &Plan,
    options: &ResultOptions,
) -> Result<(), Failure> {
    refuse_folder(name, plan, &options.plan_args.folder(plan))?;
    let mut inputs = plan_files(name, plan);
    refuse(
        &inputs,
        &[("--save-baseline", options.save_baseline.as_deref())],
    )?;
    if options.check {
        inputs.push(registered_file(plan, options));
    }
    refuse(
        &inputs,
        &[
            ("--junit", options.junit.as_deref()),
            ("--summary", options.summary.as_deref()),
        ],
    )
}

/// Whether both paths are the same existing file, after resolving links.
fn same(one: &Path, other: &Path) -> bool {
    one.canonicalize()
        .is_ok_and(|it| other.canonicalize().is_ok_and(|other| it == other))
}
