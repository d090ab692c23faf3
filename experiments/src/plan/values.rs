//! Checks of values that several parts of a plan have: names, adoption levels, numbers of seeds.

use super::error::Source;
use super::{Adoption, Percent, PlanError};

/// Most paired runs.
const MOST_SEEDS: u32 = 100_000;

/// Checks a number of paired runs.
pub(super) fn seed_count(count: u32) -> Result<u32, String> {
    if (1..=MOST_SEEDS).contains(&count) {
        Ok(count)
    } else {
        Err(format!("{count} runs; give 1 to {MOST_SEEDS}"))
    }
}

/// Checks a name. Names become folders, columns and ids.
pub(super) fn checked_name(name: &str) -> Result<String, String> {
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
    if name.is_empty() || name.len() > 60 || !name.chars().all(fits) {
        return Err(format!(
            "{name:?} is no name; use up to 60 letters, digits, hyphens and underscores"
        ));
    }
    Ok(name.to_owned())
}

/// Checks adoption levels; none may appear twice.
pub(super) fn adoption(
    levels: &[String],
    at_key: &str,
    source: Source<'_>,
) -> Result<Vec<Adoption>, PlanError> {
    let mut all = Vec::new();
    for (at, text) in levels.iter().enumerate() {
        let key = format!("{at_key}.{at}");
        let level = if text == "one" {
            Adoption::One
        } else {
            let share = text.parse::<Percent>();
            let share = share.map_err(|it| source.error(&key, format!("{it}, nor \"one\"")))?;
            Adoption::Share(share)
        };
        let within = |it: Percent| it.fraction() > 0.0 && it <= Percent::HUNDRED;
        if matches!(level, Adoption::Share(it) if !within(it)) {
            return Err(source.error(&key, format!("{text} of the peers; give 0.01 % to 100 %")));
        }
        if all.contains(&level) {
            return Err(source.error(&key, format!("{text} is there twice")));
        }
        all.push(level);
    }
    if all.is_empty() {
        return Err(source.error(at_key, "is empty; give \"one\" or percentages"));
    }
    Ok(all)
}
