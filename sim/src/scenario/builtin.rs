//! The scenarios that come with the house. A new one is a file in `sim/scenarios/` and a line here.

/// Name and text of each.
const BUILTIN: &[(&str, &str)] = &[
    ("w1", include_str!("../../scenarios/w1.toml")),
    (
        "flash-homog",
        include_str!("../../scenarios/flash-homog.toml"),
    ),
    (
        "flash-hetero",
        include_str!("../../scenarios/flash-hetero.toml"),
    ),
    (
        "flash-tyrant",
        include_str!("../../scenarios/flash-tyrant.toml"),
    ),
    (
        "clustering",
        include_str!("../../scenarios/clustering.toml"),
    ),
    ("decay", include_str!("../../scenarios/decay.toml")),
    (
        "poisson-steady",
        include_str!("../../scenarios/poisson-steady.toml"),
    ),
    ("small", include_str!("../../scenarios/small.toml")),
    ("modern", include_str!("../../scenarios/modern.toml")),
    ("testbed", include_str!("../../scenarios/testbed.toml")),
];

/// A built-in scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Raised with every change that changes results.
    pub version: u32,
    /// One sentence: what it is for.
    pub about: String,
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|it| it.0)
}

pub(super) fn text(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|it| it.0 == name).map(|it| it.1)
}

pub(super) fn list() -> Vec<Builtin> {
    let builtin = |name: &'static str| {
        let scenario = super::Scenario::builtin(name, &[]).expect("our own file, read in a test");
        Builtin {
            name,
            version: scenario.version,
            about: scenario.about,
        }
    };
    names().map(builtin).collect()
}
