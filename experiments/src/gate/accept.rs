//! Changes for the worse that are accepted, row by row.
//!
//! A reason alone would accept whatever else became worse in the same range of commits. So it names its rows.

use super::{Change, Key, State};

/// Stands for every scenario, adoption or group.
const ANY: &str = "*";

/// Rows that may be worse, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The row, where [`ANY`] stands for every scenario, adoption or group.
    row: Key,
    /// Why this is accepted.
    pub reason: String,
}

impl Key {
    /// The row in words, as [`Accepted`] reads it.
    #[must_use]
    pub fn named(&self) -> String {
        format!(
            "{}, {}, {} adopting, {} of {}",
            self.scenario, self.contrast, self.adoption, self.quantity, self.group
        )
    }
}

impl std::str::FromStr for Accepted {
    type Err = String;

    /// From `ROW: REASON`, where the row is as in [`Key::named`].
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "\"{text}\" {why}; write it as \"flash-homog, choking, 10 % adopting, time of adopters: the reason\", \
                 where * stands for any scenario, adoption or group"
            )
        };
        let (row, reason) = text
            .split_once(": ")
            .ok_or_else(|| wrong("does not say which row it accepts and why"))?;
        let parts: Vec<&str> = row.split(", ").map(str::trim).collect();
        let [scenario, contrast, adoption, what] = parts[..] else {
            return Err(wrong("names no row"));
        };
        let (quantity, group) = what
            .split_once(" of ")
            .ok_or_else(|| wrong("names no quantity of a group"))?;
        let adoption = adoption.strip_suffix(" adopting").unwrap_or(adoption);
        if contrast == ANY || quantity == ANY {
            return Err(wrong("would accept more than it names"));
        }
        if reason.trim().is_empty() {
            return Err(wrong("gives no reason"));
        }
        Ok(Self {
            row: Key {
                scenario: scenario.to_owned(),
                contrast: contrast.to_owned(),
                adoption: adoption.to_owned(),
                group: group.to_owned(),
                quantity: quantity.to_owned(),
            },
            reason: reason.trim().to_owned(),
        })
    }
}

impl std::fmt::Display for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.row.named(), self.reason)
    }
}

impl Accepted {
    /// Whether it names this row.
    #[must_use]
    pub fn names(&self, key: &Key) -> bool {
        let is = |pattern: &str, value: &str| pattern == ANY || pattern == value;
        is(&self.row.scenario, &key.scenario)
            && is(&self.row.contrast, &key.contrast)
            && is(&self.row.adoption, &key.adoption)
            && is(&self.row.quantity, &key.quantity)
            && is(&self.row.group, &key.group)
    }
}

/// The rows that regressed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Worse<'a> {
    /// Those that are accepted, each with its reason.
    pub accepted: Vec<(&'a Change, &'a str)>,
    /// The others.
    pub refused: Vec<&'a Change>,
}

impl<'a> Worse<'a> {
    /// The rows of `changes` that regressed, with what is accepted of them.
    #[must_use]
    pub fn of(changes: &'a [Change], accepted: &'a [Accepted]) -> Self {
        let mut found = Self::default();
        for it in changes.iter().filter(|it| it.state == State::Regressed) {
            match accepted.iter().find(|accept| accept.names(&it.key)) {
                Some(accept) => found.accepted.push((it, &*accept.reason)),
                None => found.refused.push(it),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scenario: &str, quantity: &str) -> Key {
        Key {
            scenario: scenario.to_owned(),
            contrast: "whole_client".to_owned(),
            adoption: "50 %".to_owned(),
            group: "others".to_owned(),
            quantity: quantity.to_owned(),
        }
    }

    #[test]
    fn a_row_is_accepted_by_its_name() {
        let own = key("decay", "tail");
        let text = format!("{}: lone holders stay: on purpose", own.named());
        let it: Accepted = text.parse().expect("a row and a reason");
        assert_eq!(it.reason, "lone holders stay: on purpose");
        assert_eq!(it.to_string(), text);
        assert!(it.names(&own));
        assert!(!it.names(&key("decay", "time")) && !it.names(&key("flash-homog", "tail")));
        let any: Accepted = "*, whole_client, *, tail of *: why".parse().expect("read");
        assert!(any.names(&own) && any.names(&key("flash-homog", "tail")));
        assert!(!any.names(&key("decay", "time")));
    }

    #[test]
    fn what_names_no_row_accepts_none() {
        for (text, why) in [
            ("lone holders are closed last", "which row"),
            ("tail: lone holders", "names no row"),
            (
                "decay, whole_client, 50 %, tail: why",
                "no quantity of a group",
            ),
            ("*, *, *, tail of all: why", "more than it names"),
            (
                "decay, whole_client, 50 %, * of all: why",
                "more than it names",
            ),
            ("decay, whole_client, 50 %, tail of all:  ", "no reason"),
        ] {
            let error = text.parse::<Accepted>().expect_err("refused");
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
