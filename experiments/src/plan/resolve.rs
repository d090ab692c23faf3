//! Reads a plan file and applies command-line options to it.

use super::check::check;
use super::error::{Source, Where, in_words};
use super::file::PlanFile;
use super::{LeftOut, Plan, PlanError, Status};

/// Changes from the command line. Any change makes the run exploratory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// `key=value` by dotted key of the plan. List elements are named by number or name; `*` means
    /// all.
    pub set: Vec<String>,
    /// Keep only these scenarios.
    pub scenarios: Vec<String>,
    /// Keep only these baselines.
    pub policies: Vec<String>,
    /// Another master seed.
    pub seed: Option<u64>,
    /// Another number of runs.
    pub seeds: Option<u32>,
}

/// Reads the plan in `text`, the content of `file`, and applies `changes`.
pub fn load(file: &str, text: &str, changes: &Changes) -> Result<Plan, PlanError> {
    let source = Source { file, text };
    let as_written: PlanFile = toml::from_str(text).map_err(|it| source.toml_error(&it))?;
    let mut plan_file = as_written.clone();
    if !changes.set.is_empty() {
        let mut table: toml::Table = toml::from_str(text).map_err(|it| source.toml_error(&it))?;
        for option in &changes.set {
            apply(&mut table, option).map_err(|it| at_option(file, option, it))?;
            let read = PlanFile::deserialize_table(table.clone());
            plan_file = read.map_err(|it| at_option(file, option, it))?;
        }
    }
    if let Some(seed) = changes.seed {
        plan_file.seeds.master = seed;
    }
    if let Some(count) = changes.seeds {
        plan_file.seeds.count = count;
        for scenario in &mut plan_file.scenario {
            scenario.seeds = None;
        }
    }
    let mut plan = check(&plan_file, source)?;
    keep(&mut plan.scenarios, &changes.scenarios, |it| &it.name)
        .map_err(|it| at_option(file, "--scenario", it))?;
    plan.keep_contrasts(&changes.policies)
        .map_err(|it| at_option(file, "--policy", it))?;
    if *changes != Changes::default() {
        plan.status = Status::Exploratory;
    }
    // If the file alone is not a valid plan, there is nothing that options left out.
    if let Ok(file) = check(&as_written, source) {
        plan.left_out = LeftOut::between(&file, &plan);
    }
    Ok(plan)
}

impl PlanFile {
    fn deserialize_table(table: toml::Table) -> Result<Self, String> {
        let read: Result<Self, _> = table.try_into();
        read.map_err(|it: toml::de::Error| in_words(it.message()))
    }
}

fn at_option(file: &str, option: &str, message: String) -> PlanError {
    let option = if option.starts_with("--") {
        option.to_owned()
    } else {
        format!("--set {option}")
    };
    PlanError {
        file: file.to_owned(),
        at: Where::Option(option),
        key: String::new(),
        message,
    }
}

fn keep<T>(
    all: &mut Vec<T>,
    wanted: &[String],
    name: impl Fn(&T) -> &String,
) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    let known: Vec<String> = all.iter().map(|it| name(it).clone()).collect();
    if let Some(stranger) = wanted.iter().find(|it| !known.contains(it)) {
        return Err(format!(
            "the plan has no {stranger}; it has {}",
            known.join(", ")
        ));
    }
    all.retain(|it| wanted.contains(name(it)));
    Ok(())
}

/// Applies `key=value`. If the value is valid TOML it is read as TOML, otherwise as text.
fn apply(table: &mut toml::Table, option: &str) -> Result<(), String> {
    let Some((key, text)) = option.split_once('=') else {
        return Err("expected KEY=VALUE".to_owned());
    };
    let (key, text) = (key.trim(), text.trim());
    let value = toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut it| it.remove("value"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()));
    let parts: Vec<&str> = key.split('.').collect();
    let mut root = toml::Value::Table(std::mem::take(table));
    let done = set(&mut root, &parts, &value);
    if let toml::Value::Table(changed) = root {
        *table = changed;
    }
    done.map_err(|part| format!("the plan has no {part:?} in {key:?}"))
}

/// Sets the value at every place that the path names. The error is the part of the path that does
/// not exist.
fn set(at: &mut toml::Value, parts: &[&str], value: &toml::Value) -> Result<(), String> {
    let Some((first, rest)) = parts.split_first() else {
        *at = value.clone();
        return Ok(());
    };
    match at {
        // Keys in a scenario's `set` contain dots themselves, so the rest of the path is one key.
        toml::Value::Table(table) if *first == "set" && !rest.is_empty() => {
            let empty = || toml::Value::Table(toml::Table::new());
            if let toml::Value::Table(changes) = table.entry("set").or_insert_with(empty) {
                changes.insert(rest.join("."), value.clone());
            }
            Ok(())
        }
        toml::Value::Table(table) => {
            if rest.is_empty() {
                table.insert((*first).to_owned(), value.clone());
                return Ok(());
            }
            let empty = || toml::Value::Table(toml::Table::new());
            set(table.entry(*first).or_insert_with(empty), rest, value)
        }
        toml::Value::Array(items) => {
            let mut found = false;
            for (position, item) in items.iter_mut().enumerate() {
                if *first == "*" || first.parse() == Ok(position) || names(item).contains(first) {
                    set(item, rest, value)?;
                    found = true;
                }
            }
            if found {
                Ok(())
            } else {
                Err((*first).to_owned())
            }
        }
        _ => Err((*first).to_owned()),
    }
}

/// Names of a list element.
fn names(item: &toml::Value) -> Vec<&str> {
    ["name", "source", "policy"]
        .into_iter()
        .filter_map(|key| item.get(key).and_then(toml::Value::as_str))
        .collect()
}
