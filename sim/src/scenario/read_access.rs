//! Access links: rates and delays.

use std::time::Duration;

use super::Access;
use super::error::Problem;
use super::section::{Rate, Section};

/// Longest useful delay. A connection needs four of them, and a dialler gives up after 15 s.
const MAX_DELAY: Duration = Duration::from_secs(3);

/// `delay` in ns; an error if it is longer than [`MAX_DELAY`].
pub(super) fn delay_ns(section: &Section<'_>, key: &str, delay: Duration) -> Result<u64, Problem> {
    if delay > MAX_DELAY {
        return Err(section.wrong(key, "a delay of at most \"3 s\""));
    }
    Ok(u64::try_from(delay.as_nanos()).expect("at most seconds"))
}

/// The key `delay` of an access link; zero if it is absent.
pub(super) fn access_delay(section: &Section<'_>) -> Result<Duration, Problem> {
    let delay = section.optional("delay")?.unwrap_or(Duration::ZERO);
    delay_ns(section, "delay", delay).map(Duration::from_nanos)
}

/// The keys `up`, `down` and `delay`.
pub(super) fn access(section: &Section<'_>) -> Result<Access, Problem> {
    Ok(Access {
        up: section.required::<Rate>("up")?.0,
        down: section.required::<Rate>("down")?.0,
        delay: access_delay(section)?,
    })
}
