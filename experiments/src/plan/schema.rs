//! JSON Schemas of scenarios and plans, for editors that complete and check TOML.
//!
//! `experiments/schemas/` has a copy of each. A TOML file names its schema in its first line:
//! `#:schema ../../experiments/schemas/scenario.json`. A schema checks which keys exist and the
//! form of their values. Sums, order and referenced files are checked by the reader.

mod client;
mod kinds;
mod scenario;

use serde_json::Value;

use crate::plan::PlanFile;

/// A kind of file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Scenarios: `sim/scenarios/`.
    Scenario,
    /// Plans: `experiments/plans/`.
    Plan,
}

/// The schema of a kind of file, draft 2020-12.
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

/// The schema as text, in the form that is committed.
#[must_use]
pub fn text(language: Language) -> String {
    format!("{:#}\n", schema(language))
}
