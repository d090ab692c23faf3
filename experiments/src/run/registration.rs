//! The registration of a plan: its text before the first run, stored with the results, and later
//! changes. Margins must be fixed before results are seen, so a plan that was changed afterwards
//! must say so.

mod changes;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::json::fault;
use super::store::{StoreError, write_whole};
use crate::plan::{Plan, Status, count};
pub use changes::{Told, told};
use changes::{brief, changes, in_all};

/// Name of the file in the results folder.
pub const FILE: &str = "registration.json";

/// Version of the file.
const SCHEMA: u32 = 1;

/// Why a plan may not be run into a folder.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The plan differs from the one that made the results in the folder, and does not state an
    /// amendment.
    #[error(
        "{}: holds {} of another plan of this name. Changed since: {changed}. Say in \
         `amendments` of the plan what was changed, when and why; or give --force, and this plan takes the \
         place of the other one and of its results",
        folder.display(),
        count(*runs, "run")
    )]
    Changed {
        /// Folder of the results.
        folder: PathBuf,
        /// Number of runs made with the earlier plan.
        runs: usize,
        /// The differences, key by key.
        changed: String,
    },
    /// Options change the plan, and the folder has registered results.
    #[error(
        "{}: holds results of the registered plan, and options make this run exploratory; give \
         another folder, or --force to replace them",
        folder.display()
    )]
    Exploratory {
        /// Folder of the results.
        folder: PathBuf,
    },
    /// The folder has runs and no registration, and now the plan itself is to be run there.
    #[error(
        "{}: holds {} and no registration of the plan: they were made with other options, or copied without \
         registration.json; copy that file too, or give another folder, or --force, and the results say so",
        folder.display(),
        count(*runs, "run")
    )]
    Seen {
        /// Folder of the results.
        folder: PathBuf,
        /// Number of these runs.
        runs: usize,
    },
    /// The file is damaged.
    #[error("{}: is damaged: it {why}; restore it, or give --force to begin anew", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, as a verb and its objects.
        why: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change of the plan after runs were made.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
struct Amendment {
    /// Number of runs made before the change.
    after_runs: usize,
    /// Differences from the previous plan, key by key.
    changed: Vec<String>,
    /// Hash of the changed plan.
    plan_sha256: String,
}

/// A plan whose results were replaced by those of another plan.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
struct Replaced {
    plan_sha256: String,
    runs: usize,
}

/// Content of the registration file.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
struct Registration {
    schema_version: u32,
    /// Hash of the plan before its first run.
    plan_sha256: String,
    /// Number of runs so far.
    runs: usize,
    /// Fingerprints of the engines that made the results, the latest last.
    engines: Vec<String>,
    amendments: Vec<Amendment>,
    /// Changes of descriptions alone, which need no amendment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reworded: Vec<Amendment>,
    replaced: Vec<Replaced>,
    /// Text of the plan at its last run.
    plan: String,
}

impl Registration {
    fn new(plan: &Plan) -> Self {
        let plan = plan.to_toml();
        Self {
            schema_version: SCHEMA,
            plan_sha256: sha256(&plan),
            runs: 0,
            engines: Vec::new(),
            amendments: Vec::new(),
            reworded: Vec::new(),
            replaced: Vec::new(),
            plan,
        }
    }

    /// The registration in a folder, if any. Folders from older versions only have a manifest.
    fn load(folder: &Path) -> Result<Option<Self>, RegistrationError> {
        let file = folder.join(FILE);
        let damaged = |why: String| RegistrationError::Damaged {
            file: file.clone(),
            why,
        };
        let mut found = match read(&file)? {
            Some(text) => {
                let read: Self = serde_json::from_str(&text).map_err(|it| damaged(fault(&it)))?;
                if read.schema_version != SCHEMA {
                    return Err(damaged(format!("has version {}", read.schema_version)));
                }
                if !read.names(&sha256(&read.plan)) {
                    let why = "has another plan than the one whose hash it names";
                    return Err(damaged(why.to_owned()));
                }
                read
            }
            None => match before_registrations(folder)? {
                Some(it) => it,
                None => return Ok(None),
            },
        };
        // Runs of a plan that was interrupted count too.
        found.runs = found.runs.max(units_in(&folder.join("units")));
        Ok(Some(found))
    }

    /// The registration of another plan that takes its place.
    fn replaced_by(self, plan: &Plan) -> Self {
        Self {
            replaced: self.replaced,
            ..Self::new(plan)
        }
    }

    /// A change from its plan to `text`.
    fn amendment(&self, changed: Vec<String>, text: &str) -> Amendment {
        Amendment {
            after_runs: self.runs,
            changed,
            plan_sha256: sha256(text),
        }
    }

    /// Whether this is the hash of one of its plans.
    fn names(&self, hash: &str) -> bool {
        let later = self.amendments.iter().chain(&self.reworded);
        let mut all = later.map(|it| &it.plan_sha256).chain([&self.plan_sha256]);
        all.any(|it| it == hash)
    }

    fn save(&self, folder: &Path) -> Result<(), StoreError> {
        let mut text = serde_json::to_string_pretty(self).expect("text and numbers are JSON");
        text.push('\n');
        write_whole(&folder.join(FILE), text.as_bytes())
    }

    fn status(&self) -> Status {
        let replaced: usize = self.replaced.iter().map(|it| it.runs).sum();
        let Some(first) = self.amendments.first() else {
            return match replaced {
                0 => Status::Registered,
                runs => Status::Replaced { runs },
            };
        };
        let before = (replaced > 0).then(|| "plan: another one -> this one".to_owned());
        let changed = self.amendments.iter().flat_map(|it| it.changed.clone());
        Status::Amended {
            after_runs: if replaced > 0 {
                replaced
            } else {
                first.after_runs
            },
            changed: before.into_iter().chain(changed).collect(),
        }
    }
}

/// Reconstructs the registration of results that are older than registrations.
fn before_registrations(folder: &Path) -> Result<Option<Registration>, RegistrationError> {
    let Some(manifest) = manifest(folder)? else {
        return Ok(None);
    };
    let status = manifest["status"].as_str().unwrap_or_default();
    if status == Status::Exploratory.word() {
        return Ok(None);
    }
    if status != Status::Registered.word() {
        return Err(RegistrationError::Damaged {
            file: folder.join(FILE),
            why: format!("it is not there, and manifest.json says that the plan is {status}"),
        });
    }
    let Some(plan) = read(&folder.join("plan.toml"))? else {
        return Ok(None);
    };
    let engine = manifest["engine"].as_str().map(str::to_owned);
    Ok(Some(Registration {
        schema_version: SCHEMA,
        plan_sha256: sha256(&plan),
        runs: units_of(&manifest),
        engines: engine.into_iter().collect(),
        amendments: Vec::new(),
        reworded: Vec::new(),
        replaced: Vec::new(),
        plan,
    }))
}

fn manifest(folder: &Path) -> Result<Option<serde_json::Value>, StoreError> {
    let text = read(&folder.join("manifest.json"))?;
    Ok(text.and_then(|it| serde_json::from_str(&it).ok()))
}

fn units_of(manifest: &serde_json::Value) -> usize {
    let units = manifest["units"].as_u64().unwrap_or(0);
    usize::try_from(units).unwrap_or(usize::MAX)
}

/// Number of runs in a folder that has no registration.
fn unregistered(folder: &Path) -> Result<usize, StoreError> {
    let units = units_in(&folder.join("units"));
    let manifest = manifest(folder)?;
    Ok(manifest.as_ref().map_or(0, units_of).max(units))
}

/// The registration of a plan that finds none in the folder, where `runs` runs are.
fn first(plan: &Plan, runs: usize) -> Registration {
    let mut new = Registration::new(plan);
    if runs > 0 {
        let plan_sha256 = "unknown".to_owned();
        new.replaced.push(Replaced { plan_sha256, runs });
    }
    new
}

/// Registers a plan before it is run into `folder`, and sets its status by comparison with the
/// registration there. `force` replaces another plan.
pub fn register(plan: &mut Plan, folder: &Path, force: bool) -> Result<(), RegistrationError> {
    // Counted first: a registration is written before the runs, also by a process that runs beside this one.
    let runs = unregistered(folder)?;
    let before = match Registration::load(folder) {
        Err(RegistrationError::Damaged { .. }) if force => None,
        other => other?,
    };
    let Some(mut before) = before else {
        if plan.status == Status::Exploratory {
            return Ok(());
        }
        if runs > 0 && !force {
            let folder = folder.to_owned();
            return Err(RegistrationError::Seen { folder, runs });
        }
        let first = first(plan, runs);
        plan.status = first.status();
        return Ok(first.save(folder)?);
    };
    if plan.status == Status::Exploratory {
        if before.runs > 0 && !force {
            let folder = folder.to_owned();
            return Err(RegistrationError::Exploratory { folder });
        }
        return Ok(());
    }
    let text = plan.to_toml();
    let (words, mut changed) = changes(&before.plan, &text);
    // What the author said of earlier changes is part of the results.
    let now = plan.amendments.as_deref();
    let said =
        amendments(&before.plan).filter(|it| now.is_none_or(|now| !now.contains(it.as_str())));
    let now = now.unwrap_or("nothing");
    changed.extend(said.map(|it| format!("amendments: {it} -> {now}")));
    if before.runs == 0 {
        // Those that were replaced stay known, also if the plan that replaced them was never run.
        before = before.replaced_by(plan);
    } else if changed.is_empty() {
        // The text may differ in an amendment alone, or in how numbers are written.
        if !words.is_empty() || !before.names(&sha256(&text)) {
            before.reworded.push(before.amendment(words, &text));
        }
    } else if plan.amendments.is_some() && plan.amendments != amendments(&before.plan) {
        let all = words.into_iter().chain(changed).collect();
        before.amendments.push(before.amendment(all, &text));
    } else if force {
        before.replaced.push(Replaced {
            plan_sha256: before.plan_sha256.clone(),
            runs: before.runs,
        });
        before = before.replaced_by(plan);
    } else {
        return Err(RegistrationError::Changed {
            folder: folder.to_owned(),
            runs: before.runs,
            changed: briefly(&changed),
        });
    }
    before.plan = text;
    plan.status = before.status();
    plan.reworded = in_all(before.reworded.iter().flat_map(|it| &it.changed));
    Ok(before.save(folder)?)
}

/// Takes the registration over from the first of these folders that has one, if `folder` has none: so
/// that units that are copied from there keep the plan that they were made with. For a registered `plan`,
/// each of these folders that has units must have a registration.
pub fn take_over(plan: &Plan, folder: &Path, from: &[PathBuf]) -> Result<(), RegistrationError> {
    if plan.status != Status::Exploratory {
        for it in from {
            let runs = unregistered(it)?;
            if runs > 0 && Registration::load(it)?.is_none() {
                let folder = it.clone();
                return Err(RegistrationError::Seen { folder, runs });
            }
        }
    }
    let own = folder.join(FILE);
    if own.exists() || folder.join("manifest.json").exists() {
        return Ok(());
    }
    for it in from {
        if let Some(text) = read(&it.join(FILE))? {
            return Ok(write_whole(&own, text.as_bytes())?);
        }
    }
    Ok(())
}

/// Changes as one text for a message.
fn briefly(changed: &[String]) -> String {
    let each: Vec<String> = changed.iter().map(|it| brief(it)).collect();
    each.join("; ")
}

/// Records that all runs of a registered plan have been made by this engine.
pub fn note(
    plan: &Plan,
    folder: &Path,
    runs: usize,
    engine: &str,
) -> Result<(), RegistrationError> {
    if plan.status == Status::Exploratory {
        return Ok(());
    }
    let Some(mut found) = Registration::load(folder)? else {
        return Ok(());
    };
    found.runs = found.runs.max(runs);
    if found.engines.last().is_none_or(|it| it != engine) {
        found.engines.push(engine.to_owned());
    }
    Ok(found.save(folder)?)
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The text of a file; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(it) if it.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(it) => Err(StoreError::io(path, it)),
    }
}

fn units_in(folder: &Path) -> usize {
    let is_unit = |it: &fs::DirEntry| it.path().extension().is_some_and(|it| it == "jsonl");
    fs::read_dir(folder).map_or(0, |it| it.flatten().filter(is_unit).count())
}

fn amendments(plan: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(plan).ok()?;
    let said = table.get("amendments")?.as_str()?;
    Some(said.trim().to_owned())
}
