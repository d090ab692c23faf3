//! Sweeps: settings that a plan varies one at a time.

use super::error::Source;
use super::file::SweepFile;
use super::{Plan, PlanError, count};

/// Most values of a sweep.
const MOST_VALUES: usize = 24;

/// A setting and its values. The plan, or parts of it, is run at each value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Name of the setting in words; the key if the plan has no name for it.
    pub name: String,
    /// Dotted key of the plan.
    pub key: String,
    /// Values in the form that `--set` accepts.
    pub values: Vec<String>,
    /// Number of paired runs at each value; `None` for the plan's.
    pub seeds: Option<u32>,
    /// Contrasts to run; all if empty.
    pub contrasts: Vec<String>,
    /// Scenarios to run; all if empty.
    pub scenarios: Vec<String>,
}

/// The sweeps of a plan. Its other parts have been checked before.
pub(super) fn sweeps(
    files: &[SweepFile],
    plan: &Plan,
    source: Source<'_>,
) -> Result<Vec<Sweep>, PlanError> {
    let mut all = Vec::new();
    for (at, it) in files.iter().enumerate() {
        let key = |part: &str| format!("sweep.{at}.{part}");
        if it.values.len() < 2 || it.values.len() > MOST_VALUES {
            let message = format!(
                "{}; give 2 to {MOST_VALUES}",
                count(it.values.len(), "value")
            );
            return Err(source.error(&key("values"), message));
        }
        let values: Vec<String> = it.values.iter().map(text).collect();
        if let Some(twice) = (1..values.len()).find(|at| values[..*at].contains(&values[*at])) {
            let message = format!("{} is there twice; leave one out", values[twice]);
            return Err(source.error(&key("values"), message));
        }
        let unknown = |names: &[String], known: &[&str]| {
            names
                .iter()
                .find(|it| !known.contains(&it.as_str()))
                .cloned()
        };
        let contrasts: Vec<&str> = plan.contrasts.iter().map(|it| it.name.as_str()).collect();
        let scenarios: Vec<&str> = plan.scenarios.iter().map(|it| it.name.as_str()).collect();
        for (part, names, known) in [
            ("contrasts", &it.contrasts, contrasts),
            ("scenarios", &it.scenarios, scenarios),
        ] {
            if let Some(stranger) = unknown(names, &known) {
                let message = format!("the plan has no {stranger}; it has {}", known.join(", "));
                return Err(source.error(&key(part), message));
            }
        }
        if let Some(seeds) = it.seeds {
            super::values::seed_count(seeds).map_err(|it| source.error(&key("seeds"), it))?;
        }
        all.push(Sweep {
            name: it.name.clone().unwrap_or_else(|| it.key.clone()),
            key: it.key.clone(),
            values,
            seeds: it.seeds,
            contrasts: it.contrasts.clone(),
            scenarios: it.scenarios.clone(),
        });
    }
    Ok(all)
}

/// A value in the form that `--set` accepts: text without quotes.
fn text(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A value in the form that a plan has.
pub(super) fn written(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
    let parsed = parsed.ok().and_then(|mut it| it.remove("value"));
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}
