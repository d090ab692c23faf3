//! Parameters of policies as scenarios and plans write them: under their name without the unit, which
//! the value has as text (`tick = "10 s"`, `credit = "100 KiB"`); counts as plain numbers.

use std::time::Duration;

use unchoke_core::choke::{Entry, Parameter};

use crate::units;

/// The parameter of this policy under this key.
#[must_use]
pub fn find(entry: &Entry, key: &str) -> Option<&'static Parameter> {
    entry.parameters.iter().find(|it| it.key() == key)
}

/// The value that a text with a unit means; `None` if it is none, or the parameter has no unit.
#[must_use]
pub fn parse(parameter: &Parameter, text: &str) -> Option<u64> {
    if parameter.is_time() {
        units::parse_nanos(text).ok()
    } else if parameter.is_size() {
        units::parse_size(text).ok()
    } else {
        None
    }
}

/// A value with its unit; `None` for a plain number.
#[must_use]
pub fn text(parameter: &Parameter, value: u64) -> Option<String> {
    if parameter.is_time() {
        Some(units::show_time(Duration::from_nanos(value)))
    } else if parameter.is_size() {
        Some(units::show_size(value))
    } else {
        None
    }
}

/// What a parameter takes, as part of a sentence.
#[must_use]
pub fn expected(parameter: &Parameter) -> String {
    let (min, max) = (parameter.min, parameter.max);
    if let Some(least) = text(parameter, min) {
        let kind = if parameter.is_time() { "time" } else { "size" };
        format!("a {kind} of at least \"{least}\"")
    } else if max < u64::MAX {
        format!("a whole number from {min} to {max}")
    } else {
        format!("a whole number of at least {min}")
    }
}
