//! `manifest.json`: the origin of results.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::plan::Plan;
use crate::run::runner::Done;
use crate::run::unit::{SCHEMA, Unit, distinct};

#[path = "../../../build/fingerprint.rs"]
mod fingerprint;
#[path = "../../../build/tokens.rs"]
mod tokens;

use fingerprint::fingerprint;

/// Facts about the machine and the time, which no hash includes.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Elapsed time of the whole command, seconds.
    pub wall_s: f64,
    /// Number of threads.
    pub jobs: usize,
    /// Units that ran now, those of sweeps included, and units that had results already.
    pub done: Done,
}

/// Name of the file.
pub const FILE: &str = "manifest.json";

/// The manifest of a finished plan whose results go to `folder`. If nothing ran now and the results
/// are those of the existing manifest, its facts about machine and time are kept.
#[must_use]
pub fn manifest(
    plan: &Plan,
    units: &[Unit],
    engine: &str,
    results: &str,
    host: &Host,
    folder: &Path,
) -> String {
    let seeds: Vec<u64> = (0..plan.seed_range().1)
        .map(|it| plan.run_seed(it))
        .collect();
    let runs = distinct(units);
    let ids: Vec<&str> = runs.iter().map(|it| it.id.as_str()).collect();
    let policy = |it: &crate::plan::Contender| {
        json!({ "name": it.name, "profile": it.profile.map(|it| it.id), "policy": it.policy,
                "parameters": it.parameters, "max_connections": it.max_connections,
                "picker": it.picker })
    };
    let document = json!({
        "schema_version": super::RESULTS_SCHEMA,
        "plan": plan.name,
        "status": plan.status.word(),
        "changed": plan.status.changed(),
        "results_sha256": results,
        "plan_sha256": hex::encode(Sha256::digest(plan.to_toml().as_bytes())),
        "engine": engine,
        "unit_schema": SCHEMA,
        "units": runs.len(),
        "units_sha256": hex::encode(Sha256::digest(ids.join("\n").as_bytes())),
        "versions": versions(),
        "git": git(&root()),
        "rng": { "name": "ChaCha8", "crate": "rand_chacha 0.10.0" },
        "master_seed": plan.master_seed,
        "run_seeds": seeds,
        "candidate": policy(&plan.candidate),
        "origin": plan.origin.as_ref().map(policy),
        "baselines": plan.baselines.iter().map(policy).collect::<Vec<_>>(),
        "scenarios": plan.scenarios.iter().map(|it| it.name.clone()).collect::<Vec<_>>(),
        "host": earlier(engine, results, folder).filter(|_| host.done.ran == 0).unwrap_or_else(|| host.json()),
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a value is JSON");
    text.push('\n');
    text
}

impl Host {
    fn json(&self) -> Value {
        json!({
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
            "cores": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "cpu": cpu(),
            "jobs": self.jobs,
            "wall_s": crate::findings::stats::math::round9((self.wall_s * 1000.0).round() / 1000.0),
            "units_run_now": self.done.ran,
        })
    }
}

/// The facts about the machine in the manifest in `folder`, if it belongs to the same results.
fn earlier(engine: &str, results: &str, folder: &Path) -> Option<Value> {
    let text = fs::read_to_string(folder.join(FILE)).ok()?;
    let before: Value = serde_json::from_str(&text).ok()?;
    let same = before["results_sha256"] == results && before["engine"] == engine;
    before.get("host").filter(|_| same).cloned()
}

fn versions() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("unchoke", json!(env!("CARGO_PKG_VERSION"))),
        ("rustc", json!(env!("UNCHOKE_RUSTC"))),
        ("target", json!(env!("UNCHOKE_TARGET"))),
        (
            "profile",
            json!(if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }),
        ),
        ("cargo_lock_sha256", json!(env!("UNCHOKE_LOCK"))),
    ])
}

/// The source tree that the program was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The revision of the source tree at `root`, if its engine is still the one in this program. After
/// a change of the engine, the revision of the tree is not that of the engine that made the
/// results; then it is null. No fingerprint covers statistics and pictures, so `covers` says that
/// these may be of another revision.
fn git(root: &Path) -> Value {
    let mut value = if fingerprint(root) == env!("UNCHOKE_ENGINE") {
        revision_of(root)
    } else {
        json!({ "revision": null, "dirty": null })
    };
    value["covers"] = json!("engine: what runs a unit, not the statistics and figures");
    value
}

/// The revision of a source tree, if it is under git, and whether files differ from it.
fn revision_of(root: &Path) -> Value {
    let ask = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(root)
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let revision = ask(&["rev-parse", "HEAD"]);
    // Results are written before they are committed, so they do not count as changes.
    let changes = ask(&["status", "--porcelain", "--", ":/", ":(exclude,top)results"]);
    json!({ "revision": revision, "dirty": changes.map(|it| !it.is_empty()) })
}

/// Model of the CPU, if the system reports it.
pub(crate) fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|it| it.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_with_another_engine_is_not_named() {
        assert_eq!(fingerprint(&root()), env!("UNCHOKE_ENGINE"));
        let other = tempfile::tempdir().expect("a folder");
        let source = other.path().join("core/src/lib.rs");
        fs::create_dir_all(source.parent().expect("a folder")).expect("made");
        fs::write(&source, "pub fn changed() {}").expect("written");
        let init = Command::new("git").arg("init").current_dir(&other).output();
        assert!(init.expect("git").status.success());
        let named = git(other.path());
        assert!(named["revision"].is_null() && named["dirty"].is_null());
        let covers = named["covers"].as_str().expect("a text");
        assert!(covers.starts_with("engine"), "{covers}");
        // Without the comparison of engines, the folder would have been asked.
        assert_eq!(revision_of(other.path())["dirty"], true);
    }
}
