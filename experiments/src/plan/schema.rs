//! The languages of scenarios and plans as JSON Schemas, for editors that complete and check TOML.
//!
//! `experiments/schemas/` holds a copy of each. A TOML file says which it follows in its first line:
//! `#:schema ../../experiments/schemas/scenario.json`. A schema knows which keys there are and what
//! they look like; sums, orders and files are for the reader to judge.

mod client;
mod kinds;
mod scenario;

use serde_json::Value;

use crate::plan::PlanFile;

/// A language that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Scenarios: `sim/scenarios/`.
    Scenario,
    /// Plans: `experiments/plans/`.
    Plan,
}

/// The schema of a language, draft 2020-12.
#[must_use]
pub fn schema(language: Language) -> Value {
    match language {
        Language::Scenario => scenario::schema(),
        Language::Plan => {
            let mut schema = schemars::schema_for!(PlanFile).to_value();
            schema["title"] = "Unchoke plan".into();
            schema
        }
    }
}

/// The schema as text, as it is committed.
#[must_use]
pub fn text(language: Language) -> String {
    format!("{:#}\n", schema(language))
}
