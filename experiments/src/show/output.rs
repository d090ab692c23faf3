//! Files of results: CSV tables, the manifest and the hash over what is deterministic.

pub mod manifest;
pub mod peers;
pub mod summary;
pub mod tables;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::findings::analysis::Analysis;
use crate::plan::Plan;
use crate::run::store::{StoreError, write_whole};
use crate::run::unit::hex;

/// Version of the columns.
pub const RESULTS_SCHEMA: u32 = 1;

/// The plan as it was run, among the results.
pub const PLAN_FILE: &str = "plan.toml";

/// Text files of results by name, in the order of the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    files: Vec<(&'static str, String)>,
}

impl Files {
    /// These files, in the order of the hash.
    #[must_use]
    pub fn with(files: Vec<(&'static str, String)>) -> Self {
        Self { files }
    }

    /// The deterministic files of an analysed plan.
    #[must_use]
    pub fn of(plan: &Plan, analysis: &Analysis) -> Self {
        let mut files = vec![
            (PLAN_FILE, plan.to_toml()),
            ("runs.csv", tables::runs(plan, &analysis.runs)),
            ("summary.csv", summary::summary(plan, analysis)),
            ("levels.csv", tables::levels(plan, &analysis.levels)),
            (
                "timeseries.csv",
                tables::timeseries(plan, &analysis.pictures),
            ),
            (
                "completion.csv",
                tables::completion(plan, &analysis.pictures),
            ),
            ("matrix.csv", tables::matrix(plan, &analysis.pictures)),
        ];
        if !plan.ladder.is_empty() {
            files.push(("ladder.csv", tables::ladder(plan, &analysis.ladder)));
        }
        Self { files }
    }

    /// SHA-256 over names, lengths and bytes of the files. Two people compare this one string.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut digest = Sha256::new();
        for (name, text) in &self.files {
            digest.update(format!("{name} {}\n", text.len()).as_bytes());
            digest.update(text.as_bytes());
        }
        hex(&digest.finalize())
    }

    /// The text of one file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|it| it.0 == name)
            .map(|it| it.1.as_str())
    }

    /// Writes the files into `folder`, each whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths = Vec::new();
        for (name, text) in &self.files {
            let path = folder.join(name);
            write_whole(&path, text.as_bytes())?;
            paths.push(path);
        }
        Ok(paths)
    }
}
