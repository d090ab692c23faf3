//! The order of keys in a scenario file or on the command line does not matter.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_sim::scenario::{Scenario, expand};

/// The built-in scenario files.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = fs::read_dir(folder).expect("the built-in scenarios");
    let paths = entries.map(|it| it.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    paths
}

/// The same document with every table on one line and its keys in random order. Lists keep their
/// order, because it has a meaning.
fn shuffled(value: &Value, rng: &mut Rng) -> String {
    match value {
        Value::Table(table) => format!("{{ {} }}", keys(table, rng).join(", ")),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|it| shuffled(it, rng)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn keys(table: &toml::Table, rng: &mut Rng) -> Vec<String> {
    let line = |(key, value): (&String, &Value), rng: &mut Rng| {
        format!("\"{key}\" = {}", shuffled(value, rng))
    };
    let mut lines: Vec<String> = table.iter().map(|it| line(it, rng)).collect();
    for at in (1..lines.len()).rev() {
        let other = rng.below(at as u64 + 1);
        lines.swap(at, usize::try_from(other).expect("a position"));
    }
    lines
}

#[test]
fn keys_of_a_file_may_come_in_any_order() {
    for path in files() {
        let text = fs::read_to_string(&path).expect("a scenario");
        let read = |text: &str| Scenario::from_toml(text, "any.toml", None, &[]);
        let straight = read(&text).expect("our own file");
        let spec = expand(&straight, 5);
        let table: toml::Table = text.parse().expect("TOML");
        for seed in 0..4 {
            let mut rng = Streams::new(seed).stream(Purpose::Pick, 0);
            let mixed = keys(&table, &mut rng).join("\n");
            let other = read(&mixed).unwrap_or_else(|it| panic!("{it}:\n{mixed}"));
            assert_eq!(other, straight, "{}:\n{mixed}", path.display());
            assert_eq!(other.to_toml(), straight.to_toml());
            assert!(expand(&other, 5) == spec, "{}", path.display());
        }
    }
}

#[test]
fn changes_of_different_keys_may_come_in_any_order() {
    let mut sets = [
        "peers=31",
        "piece=64 KiB",
        "policy=bep3",
        "client.max_connections=9",
        "peers.class.0.up=3 Mbit/s",
        "numwant=7",
    ];
    let load = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
        Scenario::builtin("flash-hetero", &sets).expect("a built-in scenario")
    };
    let first = load(&sets);
    for _ in 0..sets.len() {
        sets.rotate_left(1);
        assert_eq!(load(&sets), first, "{sets:?}");
        sets.swap(0, 3);
        assert_eq!(load(&sets), first, "{sets:?}");
    }
}
