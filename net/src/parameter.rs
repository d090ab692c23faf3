//! A policy parameter in the form that users write.

use unchoke_core::choke::Parameter;

use crate::policies;
use crate::text::{parse_bytes, parse_duration};

/// Reads a parameter by its key, or by its full name with a plain number.
pub(crate) fn parameter(
    policy: &str,
    key: &str,
    value: &str,
) -> Result<(&'static str, u64), String> {
    let entry = policies::all().find(policy).map_err(|it| it.to_string())?;
    let known = |it: &&Parameter| it.key() == key || it.name == key;
    let Some(it) = entry.parameters.iter().find(known) else {
        let keys: Vec<&str> = entry.parameters.iter().map(Parameter::key).collect();
        return Err(format!(
            "policy {policy} has no such parameter; it has {}",
            keys.join(", ")
        ));
    };
    let plain = value.parse::<u64>().ok();
    let plain = plain.filter(|_| it.name == key || it.key() == it.name);
    let read = || {
        if it.is_time() {
            let nanos = parse_duration(value)?.as_nanos();
            u64::try_from(nanos).map_err(|_| "too long".to_owned())
        } else if it.is_size() {
            parse_bytes(value)
        } else {
            Err(format!("{value} is not a whole number"))
        }
    };
    let value = plain.map_or_else(read, Ok)?;
    Ok((it.name, value))
}
