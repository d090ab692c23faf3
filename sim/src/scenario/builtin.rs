//! The built-in scenarios. A new one is a file in `sim/scenarios/` and a line here; a variant of
//! one that differs in a few keys is only a line here.

use super::section::{nearest, one_of};
use super::{Scenario, ScenarioError};

/// A built-in scenario in its written form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    name: &'static str,
    text: &'static str,
    /// Overrides that make the variant from the file.
    sets: &'static [&'static str],
}

impl Source {
    /// Reads the scenario with these further overrides.
    pub(super) fn read(&self, overrides: &[String]) -> Result<Scenario, ScenarioError> {
        let own = self.sets.iter().map(|it| (*it).to_owned());
        let sets: Vec<String> = own.chain(overrides.iter().cloned()).collect();
        Scenario::from_toml(self.text, self.name, None, &sets)
    }
}

macro_rules! source {
    ($file:literal) => {
        source!($file, $file, [])
    };
    ($name:literal, $file:literal, $sets:expr) => {
        Source {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $file, ".toml")),
            sets: &$sets,
        }
    };
}

const BUILTIN: &[Source] = &[
    source!("w1"),
    source!("flash-homog"),
    source!("flash-hetero"),
    source!("flash-tyrant"),
    source!(
        "flash-tyrant-rejoin",
        "flash-tyrant",
        [
            "name=flash-tyrant-rejoin",
            "about=The flash crowd of flash-tyrant in which another joins as one leaves, three times.",
            "peers.rejoins=3",
        ]
    ),
    source!("clustering"),
    source!("decay"),
    source!("poisson-steady"),
    source!("small"),
    source!("modern"),
    source!("testbed"),
    source!(
        "adversarial-10",
        "adversarial",
        [
            "name=adversarial-10",
            "about=A flash crowd with 10 % free-riders.",
            "population.0.share=10 %",
        ]
    ),
    source!(
        "adversarial-25",
        "adversarial",
        [
            "name=adversarial-25",
            "about=A flash crowd with 25 % free-riders.",
        ]
    ),
    source!(
        "adversarial-40",
        "adversarial",
        [
            "name=adversarial-40",
            "about=A flash crowd with 40 % free-riders.",
            "population.0.share=40 %",
        ]
    ),
    source!(
        "adversarial-view-10",
        "adversarial-view",
        [
            "name=adversarial-view-10",
            "about=A flash crowd with 10 % free-riders that connect to everybody.",
            "population.0.share=10 %",
        ]
    ),
    source!(
        "adversarial-view-25",
        "adversarial-view",
        [
            "name=adversarial-view-25",
            "about=A flash crowd with 25 % free-riders that connect to everybody.",
        ]
    ),
    source!(
        "adversarial-view-40",
        "adversarial-view",
        [
            "name=adversarial-view-40",
            "about=A flash crowd with 40 % free-riders that connect to everybody.",
            "population.0.share=40 %",
        ]
    ),
    source!("churn"),
    source!("hostile"),
    source!("regions"),
    source!("outage"),
    source!("super-seeding"),
    source!("peer-exchange"),
];

/// A built-in scenario, for listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Raised by every change that changes results.
    pub version: u32,
    /// One sentence: the purpose of the scenario.
    pub about: String,
}

/// Message for an unknown scenario name.
pub(super) fn suggestion(name: &str) -> String {
    let names: Vec<&str> = BUILTIN.iter().map(|it| it.name).collect();
    match nearest(name, &names) {
        Some(near) => format!("the name of a built-in scenario (did you mean {near}?)"),
        None => format!(
            "the name of a built-in scenario, {}",
            one_of(names.into_iter())
        ),
    }
}

pub(super) fn source(name: &str) -> Option<&'static Source> {
    BUILTIN.iter().find(|it| it.name == name)
}

pub(super) fn list() -> Vec<Builtin> {
    let builtin = |source: &Source| {
        let scenario = source.read(&[]).expect("our own file, read in a test");
        Builtin {
            name: source.name,
            version: scenario.version,
            about: scenario.about,
        }
    };
    BUILTIN.iter().map(builtin).collect()
}
