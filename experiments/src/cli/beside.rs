//! The section of a report about a tournament whose folder is beside the results.

use std::path::{Component, Path, PathBuf};

use super::Failure;
use super::args;
use super::job::Job;
use crate::run::engine::Engine as _;
use crate::run::json::fault;
use crate::run::store::StoreError;
use crate::show::output::manifest;
use crate::show::report::Section;
use crate::show::report::html::escape;

/// File that `lab tournament` writes for other reports to include.
pub(super) const SECTION: &str = "section.html";

/// A short version of the tournament with a link to its page. If there is none, says how to make
/// it.
pub(super) fn section(job: &Job<'_>) -> Result<Section, Failure> {
    let beside = || {
        job.folder
            .parent()
            .unwrap_or(Path::new(""))
            .join("tournament")
    };
    let named = &job.options.tournament;
    let folder = named.clone().unwrap_or_else(beside);
    let path = folder.join(SECTION);
    let html = if named.is_some() || path.exists() {
        let text = args::read(&path)?;
        let link = relative(&job.folder, &folder)?.join("report.html");
        // A link has forward slashes on every system.
        let link = link.to_string_lossy().replace('\\', "/");
        format!(
            "{text}{}<p><a href=\"{}\">Pictures, methods and the plan: the page of the tournament</a></p>",
            other_engine(job, &folder)?,
            escape(&link)
        )
    } else {
        "<p>No tournament lies beside these results: <code>lab tournament</code> has every policy meet \
         every other and writes results/tournament, and the command of this report, given again, then \
         shows it here and runs nothing twice (<code>--tournament</code> names another folder).</p>"
            .to_owned()
    };
    Ok(Section {
        id: "tournament".to_owned(),
        heading: "The tournament".to_owned(),
        html,
    })
}

/// A warning if the tournament was made by another engine version than this report.
fn other_engine(job: &Job<'_>, folder: &Path) -> Result<String, Failure> {
    let path = folder.join(manifest::FILE);
    let manifest: serde_json::Value = serde_json::from_str(&args::read(&path)?).map_err(|it| {
        Failure::usage(format!(
            "{}: {}; make the tournament again, or name another one with --tournament",
            path.display(),
            fault(&it)
        ))
    })?;
    Ok(if manifest["engine"] == job.engine.version() {
        String::new()
    } else {
        "<p>The tournament was run by another version of the engine than everything else here.</p>"
            .to_owned()
    })
}

/// The relative path from one folder to another.
fn relative(from: &Path, to: &Path) -> Result<PathBuf, Failure> {
    let whole = |path: &Path| -> Result<Vec<PathBuf>, Failure> {
        let path = path.canonicalize().map_err(|it| StoreError::io(path, it))?;
        let parts = path
            .components()
            .map(|it: Component<'_>| it.as_os_str().into());
        Ok(parts.collect())
    };
    let (from, to) = (whole(from)?, whole(to)?);
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return Err(Failure::usage(
            "the tournament and the results lie on different drives: no link leads there",
        ));
    }
    let up = from[shared..].iter().map(|_| PathBuf::from(".."));
    Ok(up.chain(to[shared..].iter().cloned()).collect())
}
