//! How much worse is still the same: what the gate allows, quantity by quantity.

use std::collections::BTreeMap;
use std::fmt;

use super::error::Source;
use super::file::{GateFile, ToleranceFile};
use super::{Estimand, Percent, PlanError};

/// Most units of what can be detected.
const MOST_UNITS: f64 = 100.0;

/// How much worse a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// So many times what the gate can detect in the row: the half-width of the 95 % interval of the
    /// difference between two results of so many seeds.
    Detectable(f64),
    /// Of a saving this part of one, of a ratio this share of it.
    Share(Percent),
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detectable(units) => write!(f, "{units} x what can be detected"),
            Self::Share(share) => share.fmt(f),
        }
    }
}

/// The tolerance of each quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerances {
    /// Of quantities that are not named.
    others: Tolerance,
    /// By id of the quantity.
    named: BTreeMap<&'static str, Tolerance>,
}

impl Tolerances {
    /// The same for every quantity.
    #[must_use]
    pub const fn all(tolerance: Tolerance) -> Self {
        Self {
            others: tolerance,
            named: BTreeMap::new(),
        }
    }

    /// That of a quantity, by its id. A claim about time has the tolerance of times.
    #[must_use]
    pub fn of(&self, quantity: &str) -> Tolerance {
        let quantity = if quantity == Estimand::T.id() {
            "time"
        } else {
            quantity
        };
        self.named.get(quantity).copied().unwrap_or(self.others)
    }

    /// As a plan writes them; `None` if it names no quantity.
    pub(super) fn written(&self) -> Option<GateFile> {
        let text = |name: &str| {
            self.named.get(name).map(|it| match it {
                Tolerance::Detectable(units) => ToleranceFile::Units(*units),
                Tolerance::Share(share) => ToleranceFile::Share(share.to_string()),
            })
        };
        (!self.named.is_empty()).then(|| GateFile {
            e1: text("E1"),
            e2: text("E2"),
            e3: text("E3"),
            e4: text("E4"),
            e5: text("E5"),
            time: text("time"),
            tail: text("tail"),
        })
    }
}

impl Default for Tolerances {
    /// Five percent, where a plan says nothing.
    fn default() -> Self {
        Self::all(Tolerance::Share(Percent::FIVE))
    }
}

impl fmt::Display for Tolerances {
    /// In a few words: one figure, or each with its quantities.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<(Tolerance, Vec<&str>)> = Vec::new();
        for (name, it) in &self.named {
            match groups.iter_mut().find(|group| group.0 == *it) {
                Some(group) => group.1.push(name),
                None => groups.push((*it, vec![name])),
            }
        }
        let said: Vec<String> = match &groups[..] {
            [] => vec![self.others.to_string()],
            [(one, names)] if names.len() == QUANTITIES.len() => vec![one.to_string()],
            several => several
                .iter()
                .map(|(it, names)| format!("{it} ({})", names.join(", ")))
                .collect(),
        };
        f.write_str(&said.join(", "))
    }
}

/// Ids of the quantities that have a tolerance.
const QUANTITIES: [&str; 7] = ["E1", "E2", "E3", "E4", "E5", "time", "tail"];

/// The tolerances of a plan.
pub(super) fn tolerances(
    file: Option<&GateFile>,
    source: Source<'_>,
) -> Result<Tolerances, PlanError> {
    let mut all = Tolerances::default();
    let Some(file) = file else {
        return Ok(all);
    };
    let given = [
        &file.e1, &file.e2, &file.e3, &file.e4, &file.e5, &file.time, &file.tail,
    ];
    for (name, it) in QUANTITIES.into_iter().zip(given) {
        let wrong = |message: String| source.error(&format!("gate.{name}"), message);
        let tolerance = match it {
            None => continue,
            Some(ToleranceFile::Units(units)) if (0.0..=MOST_UNITS).contains(units) => {
                Tolerance::Detectable(*units)
            }
            Some(ToleranceFile::Units(units)) => {
                return Err(wrong(format!(
                    "{units} times what can be detected; give 0 to {MOST_UNITS}"
                )));
            }
            Some(ToleranceFile::Share(text)) => Tolerance::Share(text.parse().map_err(wrong)?),
        };
        all.named.insert(name, tolerance);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_said_in_few_words() {
        let source = Source {
            file: "plan.toml",
            text: "",
        };
        let said = |text: &str| {
            let file: GateFile = toml::from_str(text).expect("a table");
            tolerances(Some(&file), source).map(|it| it.to_string())
        };
        assert_eq!(Tolerances::default().to_string(), "5 %");
        let mixed = said("E1 = 1\nE3 = 0.5\ntime = \"2 %\"\ntail = \"2 %\"").expect("right");
        assert_eq!(
            mixed,
            "1 x what can be detected (E1), 0.5 x what can be detected (E3), 2 % (tail, time)"
        );
        let all = "E1 = 1\nE2 = 1\nE3 = 1\nE4 = 1\nE5 = 1\ntime = 1\ntail = 1";
        assert_eq!(said(all).expect("right"), "1 x what can be detected");
        for wrong in ["E1 = -1", "E1 = 1000", "time = \"much\""] {
            let error = said(wrong).expect_err(wrong).to_string();
            assert!(error.contains("gate."), "{error}");
        }
    }
}
