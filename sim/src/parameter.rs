//! Parameters of policies as scenarios and plans write them. The key is the parameter's name
//! without its unit; a value with a unit is text that contains it (`tick = "10 s"`, `credit = "100
//! KiB"`), a count is a plain number.

use std::time::Duration;

use unchoke_core::choke::{Entry, Parameter};

use crate::units;

/// The parameter that this policy has under this key.
#[must_use]
pub fn find(entry: &Entry, key: &str) -> Option<&'static Parameter> {
    entry.parameters.iter().find(|it| it.key() == key)
}

/// Reads a value with its unit; `None` if the text is not one, or if the parameter has no unit.
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

/// Writes a value with its unit; `None` if the parameter is a plain number.
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

/// What values a parameter accepts, as part of a sentence.
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
