//! Result files: CSV tables, the manifest, and the hash over the deterministic files.

pub mod manifest;
pub mod peers;
pub mod summary;
pub mod tables;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use crate::findings::analysis::Analysis;
use crate::plan::Plan;
use crate::run::store::{StoreError, write_whole};

/// Version of the tables' columns.
pub const RESULTS_SCHEMA: u32 = 2;

/// File with the plan as it was run.
pub const PLAN_FILE: &str = "plan.toml";

/// Tables that grow with the number of runs or points in time. They are written compressed; the
/// hash of the results covers their uncompressed text.
const COMPRESSED: [&str; 3] = ["runs.csv", "timeseries.csv", "completion.csv"];

/// Compresses with gzip, without file name and time, so that equal bytes give an equal file.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::best());
    writer
        .write_all(bytes)
        .and_then(|()| writer.finish())
        .expect("writing to memory does not fail")
}

/// Texts of result files by name, in the order of the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    files: Vec<(&'static str, String)>,
}

impl Files {
    /// The given files, in the order of the hash.
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
            ("classes.csv", tables::classes(plan, &analysis.classes)),
            ("fairness.csv", tables::fairness(plan, &analysis.fairness)),
            ("matrix.csv", tables::matrix(plan, &analysis.pictures)),
        ];
        let adoption = tables::adoption(plan, analysis);
        files.extend(adoption.map(|it| ("adoption.csv", it)));
        if !analysis.sweeps.is_empty() {
            files.push(("sweep.csv", tables::sweeps(&analysis.sweeps)));
        }
        if !plan.ladder.is_empty() {
            files.push(("ladder.csv", tables::ladder(plan, &analysis.ladder)));
        }
        Self { files }
    }

    /// SHA-256 over names, lengths and contents of the files. Equal results have this one string in
    /// common.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut digest = Sha256::new();
        for (name, text) in &self.files {
            digest.update(format!("{name} {}\n", text.len()).as_bytes());
            digest.update(text.as_bytes());
        }
        hex::encode(digest.finalize())
    }

    /// The text of one file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|it| it.0 == name)
            .map(|it| it.1.as_str())
    }

    /// Writes the files into `folder`, each completely or not at all.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths = Vec::new();
        for (name, text) in &self.files {
            let plain = folder.join(name);
            if COMPRESSED.contains(name) {
                let path = folder.join(format!("{name}.gz"));
                write_whole(&path, &gzip(text.as_bytes()))?;
                paths.push(path);
                // A file that an older version left uncompressed would be out of date.
                if plain.exists() {
                    fs::remove_file(&plain).map_err(|it| StoreError::io(&plain, it))?;
                }
            } else {
                write_whole(&plain, text.as_bytes())?;
                paths.push(plain);
            }
        }
        Ok(paths)
    }
}
