//! Parameters of the policies of `unchoke bench`, as given on the command line.

use std::fmt::Write as _;

use unchoke_core::choke::Parameters;

use super::Failure;
use crate::policies;
use crate::text::parse_duration;

/// A column of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Naive,
    Optimized,
}

impl Column {
    /// All columns, in the order of the table.
    pub(super) const ALL: [Self; 2] = [Self::Naive, Self::Optimized];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Optimized => "optimized",
        }
    }
}

/// One `--set` option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    column: Column,
    name: String,
    value: u64,
}

/// Reads an option like `optimized.parameters.slots=8`, spelled as for `lab run --set`.
pub(super) fn parse_change(text: &str) -> Result<Change, String> {
    let parts = text.split_once('=').and_then(|(key, value)| {
        let (column, name) = key.trim().split_once(".parameters.")?;
        let column = Column::ALL.into_iter().find(|it| it.name() == column)?;
        Some((column, name, value.trim()))
    });
    let (column, name, value) = parts.ok_or(
        "write naive.parameters.NAME=VALUE or optimized.parameters.NAME=VALUE, for example \
         `optimized.parameters.slots=8`",
    )?;
    let value = match value.parse() {
        Ok(number) => number,
        Err(_) if name.ends_with("_ns") => nanos(value)?,
        Err(_) => return Err(format!("`{value}` is not a whole number")),
    };
    Ok(Change {
        column,
        name: name.to_owned(),
        value,
    })
}

fn nanos(text: &str) -> Result<u64, String> {
    let nanos = parse_duration(text)?.as_nanos();
    u64::try_from(nanos).map_err(|_| format!("`{text}` is too large"))
}

/// The parameters that are set for one column. The policy of the column must have them.
pub(super) fn parameters(
    policy: &str,
    column: Column,
    changes: &[Change],
) -> Result<Parameters, Failure> {
    let mut parameters = Parameters::new();
    for it in changes.iter().filter(|it| it.column == column) {
        parameters.set(&it.name, it.value);
    }
    match policies::all().build(policy, &parameters) {
        Ok(_) => Ok(parameters),
        Err(error) => {
            let column = column.name();
            Err(Failure::bad_input(format!("--{column} {policy}: {error}")))
        }
    }
}

/// A policy name with the parameters that are set.
pub(super) fn label(policy: &str, parameters: &Parameters) -> String {
    let mut text = policy.to_owned();
    for (name, value) in parameters.iter() {
        write!(text, " {name}={value}").expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_a_column_and_a_number() {
        let read = |text| parse_change(text).map(|it| (it.column, it.name, it.value));
        let is = |column, name: &str, value| Ok((column, name.to_owned(), value));
        assert_eq!(
            read("optimized.parameters.slots=8"),
            is(Column::Optimized, "slots", 8)
        );
        assert_eq!(
            read("naive.parameters.tick_ns=5 s"),
            is(Column::Naive, "tick_ns", 5_000_000_000)
        );
        for wrong in [
            "",
            "slots=8",
            "other.parameters.slots=8",
            "naive.parameters.slots",
            "naive.parameters.slots=many",
            "naive.parameters.slots=-1",
            "naive.parameters.tick_ns=soon",
            "naive.parameters.tick_ns=9999999 h",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_column_has_its_own() {
        let changes = ["naive.parameters.slots=2", "optimized.parameters.slots=9"];
        let changes = changes.map(|it| parse_change(it).expect("a change"));
        let labels = Column::ALL.map(|column| {
            let set = parameters("tit_for_tat", column, &changes).expect("it has slots");
            label("tit_for_tat", &set)
        });
        assert_eq!(labels, ["tit_for_tat slots=2", "tit_for_tat slots=9"]);
        let error = parameters("unchoke_all", Column::Naive, &changes).expect_err("it has none");
        assert_eq!(error.status, 2);
    }
}
