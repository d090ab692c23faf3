//! How a policy is listed: its name, its parameters, and how to make it.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::time::Duration;

use super::policy::BoxedPolicy;

/// Suffixes of the names of times and sizes.
const TIME: &str = "_ns";
const SIZE: &str = "_bytes";

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// A registered policy.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name in plans and on the command line.
    pub id: &'static str,
    /// One sentence: what it does and who does it.
    pub summary: &'static str,
    /// Whether it ever unchokes a peer. A swarm in which no policy does needs a peer that serves.
    pub uploads: bool,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Makes the policy from values that are all set and in range.
    pub make: fn(&Values<'_>) -> BoxedPolicy,
}

/// A number that a plan may set. Durations are in nanoseconds and end in `_ns`.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The value in the source of the policy.
    pub default: u64,
    /// The least value that makes sense.
    pub min: u64,
    /// The greatest value that makes sense.
    pub max: u64,
    /// What it means.
    pub meaning: &'static str,
}

impl Parameter {
    /// A parameter without an upper limit.
    #[must_use]
    pub const fn new(name: &'static str, default: u64, min: u64, meaning: &'static str) -> Self {
        Self {
            name,
            default,
            min,
            max: u64::MAX,
            meaning,
        }
    }

    /// The time between two rechokes, ten seconds in most clients (BEP 3, *peer messages*).
    #[must_use]
    pub const fn tick(seconds: u64) -> Self {
        Self::new(
            "tick_ns",
            seconds * SECOND,
            1_000_000,
            "time between two rechokes",
        )
    }

    /// The limit of [`UploadOrder`] on blocks handed to links.
    ///
    /// [`UploadOrder`]: super::UploadOrder
    pub const IN_FLIGHT: Self = Self::new(
        "in_flight",
        0,
        0,
        "blocks at the links at a time; 0: what the uplink carries in a second, 4 to 16",
    )
    .at_most(u32::MAX as u64);

    /// The name in scenarios, plans and on the command line. It has no unit, because the value is
    /// written with its unit there.
    #[must_use]
    pub fn key(&self) -> &'static str {
        let stem = self.name.strip_suffix(TIME);
        stem.or_else(|| self.name.strip_suffix(SIZE))
            .unwrap_or(self.name)
    }

    /// Its value is a time, in nanoseconds.
    #[must_use]
    pub fn is_time(&self) -> bool {
        self.name.ends_with(TIME)
    }

    /// Its value is a size, in bytes.
    #[must_use]
    pub fn is_size(&self) -> bool {
        self.name.ends_with(SIZE)
    }

    /// The same parameter, at most `max`.
    #[must_use]
    pub const fn at_most(self, max: u64) -> Self {
        Self { max, ..self }
    }
}

/// Parameters by name, as a plan sets them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameters(BTreeMap<String, u64>);

impl Parameters {
    /// No parameter set: every policy uses its defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets `name` to `value`.
    pub fn set(&mut self, name: &str, value: u64) {
        self.0.insert(name.to_owned(), value);
    }

    /// The parameters that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// Parameters of one policy with the defaults filled in.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    set: &'a Parameters,
    known: &'static [Parameter],
}

impl Values<'_> {
    /// The value of `name`, which the entry must list.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        let known = self.known.iter().find(|it| it.name == name);
        let default = known
            .expect("a policy reads only parameters it lists")
            .default;
        self.set.0.get(name).copied().unwrap_or(default)
    }

    /// The value of `name` as a count, at most `u32::MAX`.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.get(name).min(u64::from(u32::MAX))).expect("fits 32 bits")
    }

    /// The value of [`Parameter::IN_FLIGHT`].
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        let value = self.get(Parameter::IN_FLIGHT.name);
        u32::try_from(value).expect("at most 32 bits")
    }

    /// The value of `name` as a span of nanoseconds.
    #[must_use]
    pub fn span(&self, name: &str) -> Duration {
        Duration::from_nanos(self.get(name))
    }
}

/// Why a policy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such policy.
    #[error("there is no choking policy '{0}'; known are: {1}")]
    UnknownPolicy(String, String),
    /// The policy has no such parameter.
    #[error("choking policy '{policy}' has no parameter '{name}'; it has: {known}")]
    UnknownParameter {
        /// The policy.
        policy: &'static str,
        /// As given.
        name: String,
        /// The parameters it has.
        known: String,
    },
    /// A value below the minimum.
    #[error(
        "parameter '{name}' of choking policy '{policy}' is {value}, but must be at least {min}"
    )]
    TooSmall {
        /// The policy.
        policy: &'static str,
        /// The parameter.
        name: &'static str,
        /// As given.
        value: u64,
        /// The least allowed.
        min: u64,
    },
    /// A value above the maximum.
    #[error(
        "parameter '{name}' of choking policy '{policy}' is {value}, but must be at most {max}"
    )]
    TooLarge {
        /// The policy.
        policy: &'static str,
        /// The parameter.
        name: &'static str,
        /// As given.
        value: u64,
        /// The greatest allowed.
        max: u64,
    },
}

pub(crate) fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    text
}

impl Entry {
    /// Makes the policy with these parameters.
    pub fn build(&'static self, parameters: &Parameters) -> Result<BoxedPolicy, ParameterError> {
        let policy = self.id;
        for (name, value) in parameters.iter() {
            let Some(known) = self.parameters.iter().find(|it| it.name == name) else {
                return Err(ParameterError::UnknownParameter {
                    policy,
                    name: name.to_owned(),
                    known: join(self.parameters.iter().map(|it| it.name)),
                });
            };
            let (name, min, max) = (known.name, known.min, known.max);
            if value < min {
                return Err(ParameterError::TooSmall {
                    policy,
                    name,
                    value,
                    min,
                });
            }
            if value > max {
                return Err(ParameterError::TooLarge {
                    policy,
                    name,
                    value,
                    max,
                });
            }
        }
        Ok((self.make)(&Values {
            set: parameters,
            known: self.parameters,
        }))
    }
}

/// Two entries are the same if they have the same id.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Entry {}
